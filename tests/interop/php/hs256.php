<?php
// HS256 as a few lines of PHP: hash_hmac and base64url, header and claims by json_encode.
// Usage: php hs256.php sign|verify; standard input holds the key as hex, a line break, then the claims or the token.
// Prints the token or the claims; exit code 1: refused.
declare(strict_types=1);

function encode(string $raw): string
{
    return rtrim(strtr(base64_encode($raw), '+/', '-_'), '=');
}

function decode(string $text): string
{
    return base64_decode(strtr($text, '-_', '+/'), true) ?: '';
}

function mac(string $signed, string $key): string
{
    return encode(hash_hmac('sha256', $signed, $key, true));
}

[$hex, $text] = explode("\n", stream_get_contents(STDIN), 2);
$key = hex2bin($hex);

if ($argv[1] === 'sign') {
    $claims = json_decode($text, false, 64, JSON_THROW_ON_ERROR);
    $signed = encode(json_encode(['typ' => 'JWT', 'alg' => 'HS256'])) . '.' . encode(json_encode($claims));
    echo $signed, '.', mac($signed, $key);
    exit(0);
}

$parts = explode('.', $text);
if (count($parts) !== 3 || !hash_equals(mac("$parts[0].$parts[1]", $key), $parts[2])) {
    exit(1);
}
if ((json_decode(decode($parts[0]))->alg ?? '') !== 'HS256') {
    exit(1);
}
$claims = json_decode(decode($parts[1]), false, 64, JSON_THROW_ON_ERROR);
if (($claims->exp ?? PHP_INT_MAX) <= time()) {
    exit(1);
}
echo json_encode($claims, JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR);
