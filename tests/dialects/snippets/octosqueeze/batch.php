<?php
// Compresses two images through the OctoSqueeze API and keeps the results, as its plug-ins do: what
// is not compressed when the answer comes is asked for by its id.

const API = 'https://api.octosqueeze.com/api/v1';

function call(string $path, ?array $body = null): array
{
    $request = curl_init(API . $path);
    curl_setopt_array($request, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 125,
        CURLOPT_HTTPHEADER => ['Authorization: Bearer YOUR_API_KEY', 'Content-Type: application/json'],
    ]);
    if ($body !== null) {
        curl_setopt($request, CURLOPT_POSTFIELDS, json_encode($body));
    }
    $answer = json_decode(curl_exec($request), true);
    if (!$answer['success']) {
        $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
        fwrite(STDERR, "{$status} {$answer['error']['code']}: {$answer['error']['message']}\n");
        exit(1);
    }
    return $answer['data'];
}

$answer = call('/compress-batch', [
    'items' => [
        [
            'url' => 'https://example.com/image1.jpg',
            'image_id' => 'my-id-1',
            'hash' => 'd41d8cd9',
            'options' => ['type' => 'size', 'format' => 'webp'],
        ],
        // Nothing of its own: PHP writes an empty list.
        ['url' => 'https://example.com/image2.png', 'image_id' => 2, 'options' => []],
    ],
    'options' => ['type' => 'balanced', 'formats' => 'webp,avif', 'hash_check' => true],
]);

foreach ($answer['items'] as $item) {
    while (!$item['compressed'] && $item['status'] !== 'failed') {
        sleep(1);
        $item = call('/status/' . $item['id']);
    }
    foreach ($item['compressions'] as $made) {
        // No key: the link is enough.
        file_put_contents("{$item['image_id']}.{$made['format']}", file_get_contents($made['link']));
        echo "{$item['image_id']} {$made['format']} {$made['size']}\n";
    }
}
