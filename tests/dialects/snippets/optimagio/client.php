<?php
// Optimizes a file and a URL through the Optimagio API, as its documents say; keeps the results.

const API = 'https://optimagio.com/api/optimize';
const KEY = 'opt_your_key';

function keep(array $headers, array|string $body, string $name): void
{
    $request = curl_init(API);
    curl_setopt_array($request, [
        CURLOPT_POST => true,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => $headers,
        CURLOPT_POSTFIELDS => $body,
    ]);
    $answer = json_decode(curl_exec($request), true);
    $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
    if ($status !== 200) {
        fwrite(STDERR, "{$status} {$answer['code']}: {$answer['error']}\n");
        exit(1);
    }
    file_put_contents($name, file_get_contents($answer['optimized_url']));
    $cached = $answer['cached'] ? 'true' : 'false';
    echo "{$answer['format']} {$answer['original_size']} {$answer['optimized_size']} ";
    echo "{$answer['saved_bytes']} {$answer['percent']} {$cached}\n";
}

keep(['X-API-Key: ' . KEY], [
    'accept_file' => 'true',
    'image' => new CURLFile('photo.jpg'),
    'format' => 'webp',
    'compression' => 'max',
], 'by-file');

keep(['Authorization: Bearer ' . KEY, 'Content-Type: application/json'], json_encode([
    'url' => 'https://example.com/image.jpg',
    'format' => 'webp',
    'compression' => 'max',
]), 'by-url');
