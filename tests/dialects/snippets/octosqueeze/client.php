<?php
// Compresses one image through the OctoSqueeze API, as its documents say, and keeps the result.

$request = curl_init('https://api.octosqueeze.com/api/v1/compress');
curl_setopt_array($request, [
    CURLOPT_POST => true,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => ['Authorization: Bearer YOUR_API_KEY'],
    CURLOPT_POSTFIELDS => [
        'file' => new CURLFile('photo.jpg'),
        'format' => 'webp',
        'mode' => 'balanced',
    ],
]);
$answer = json_decode(curl_exec($request), true);
if (!$answer['success']) {
    $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
    fwrite(STDERR, "{$status} {$answer['error']['code']}: {$answer['error']['message']}\n");
    exit(1);
}

// No key: the link is enough.
$data = $answer['data'];
file_put_contents('compressed.webp', file_get_contents($data['download_url']));
echo "{$data['savings_percent']} {$data['original_size']} {$data['compressed_size']}\n";
