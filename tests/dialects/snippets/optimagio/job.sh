# Has an image optimized as a job of the Optimagio API, and asks about it until it is done.
set -eu

key="X-API-Key: opt_your_key"

value() { # value NAME, from the JSON on standard input
  sed -E "s/.*\"$1\": ?\"?([^\",}]*).*/\1/"
}

url=$(curl -sSf -X POST https://optimagio.com/api/v1/jobs -H "$key" -H "Idempotency-Key: $$-1" \
  -F image=@photo.jpg -F format=webp | value status_url)

while :; do
  job=$(curl -sSf "$url" -H "$key")
  status=$(echo "$job" | value status)
  case $status in
    queued | processing) sleep 1 ;;
    *) break ;;
  esac
done

echo "$status $(echo "$job" | value percent)"
curl -sSf -o result.webp "$(echo "$job" | value optimized_url)"
