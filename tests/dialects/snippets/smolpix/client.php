<?php
// Optimizes one image through the Smolpix API, as its documents say, and keeps the result.

$request = curl_init('https://smolpix.co/api/v1/optimize');
curl_setopt_array($request, [
    CURLOPT_POST => true,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => [
        'Authorization: Bearer pk_live_your_key',
        'Content-Type: application/json',
    ],
    CURLOPT_POSTFIELDS => json_encode([
        'url' => 'https://example.com/image.jpg',
        'format' => 'auto',
        'quality' => 80,
        'smart' => true,
    ]),
]);
$data = json_decode(curl_exec($request), true);
if (!$data['success']) {
    $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
    fwrite(STDERR, "{$status} {$data['code']}: {$data['error']}\n");
    exit(1);
}

file_put_contents('optimized', base64_decode($data['data'], true));
echo "{$data['savingsPercent']} {$data['originalSize']} {$data['optimizedSize']}\n";
