# Optimizes one image through the Smolpix API, as its documents say, and keeps the result.
# The answer is flat JSON, so sed is enough to read it.
set -eu

status=$(curl -sS -o answer.json -w '%{http_code}' -X POST https://smolpix.co/api/v1/optimize \
  -H "Authorization: Bearer pk_live_your_key" \
  -H "Content-Type: application/json" \
  -d '{"url": "https://example.com/image.jpg", "format": "auto", "quality": 80, "smart": true}')

value() { # value NAME
  sed -E "s/.*\"$1\": ?\"?([^\",}]*).*/\1/" answer.json
}

if [ "$(value success)" != true ]; then
  echo "$status $(value code): $(value error)" >&2
  exit 1
fi

value data | base64 --decode > optimized
echo "$(value savingsPercent) $(value originalSize) $(value optimizedSize)"
