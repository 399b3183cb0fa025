# Optimizes a file and a URL through the Optimagio API, as its documents say, and keeps the results.
# The answer is flat JSON, so sed is enough to read it.
set -eu

value() { # value NAME
  sed -E "s/.*\"$1\": ?\"?([^\",}]*).*/\1/" answer.json
}

keep() { # keep STATUS NAME
  if [ "$1" != 200 ]; then
    echo "$1 $(value code): $(value error)" >&2
    exit 1
  fi
  curl -sSf -o "$2" "$(value optimized_url)"
  echo "$(value format) $(value original_size) $(value optimized_size) $(value saved_bytes) $(value percent) $(value cached)"
}

key="X-API-Key: opt_your_key"
status=$(curl -sS -o answer.json -w '%{http_code}' -X POST https://optimagio.com/api/optimize \
  -H "$key" -F "accept_file=true" -F "image=@photo.jpg" -F "format=webp" -F "compression=max")
keep "$status" by-file

status=$(curl -sS -o answer.json -w '%{http_code}' -X POST https://optimagio.com/api/optimize \
  -H "$key" -d "url=https://example.com/image.jpg" -d "format=webp" -d "compression=max")
keep "$status" by-url
