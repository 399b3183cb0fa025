<?php
// Takes a message of OctoSqueeze, as its plug-in for Silverstripe does: the raw body comes on
// standard input (php://input on a web server), the header X-OctoSqueeze-Signature as an argument.

$body = file_get_contents('php://stdin');
if (!hash_equals(hash_hmac('sha256', $body, 'YOUR_WEBHOOK_SECRET'), $argv[1])) {
    fwrite(STDERR, "Invalid signature\n");
    exit(1);
}

parse_str($body, $form);
foreach (json_decode($form['images'], true) as $image) {
    foreach ($image['compressions'] as $made) {
        echo "{$image['image_id']} {$made['format']} {$made['size']} {$made['link']}\n";
    }
}
