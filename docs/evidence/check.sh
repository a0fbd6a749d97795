# Small functions over openssl, jq and xxd, with which docs/evidence.md checks the files beside this one.

# What an envelope (DSSE) carries.
payload() { jq -j .payload "$1" | base64 -d; }

# What the signatures of an envelope cover: DSSE v1's pre-authentication encoding.
pae() {
    local type
    type=$(jq -j .payloadType "$1")
    printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(payload "$1" | wc -c)"
    payload "$1"
}

# Canonical JSON (RFC 8785) of what comes in; jq's own form is that where keys are ASCII and numbers are integers.
canonical() { jq -cS . | tr -d '\n'; }

# key_id KEY: how signatures name a key.
key_id() { base64 -d <<<"$1" | sha256sum | cut -c -32; }

# verify KEY SIGNATURE: whether it is that Ed25519 key's (both base64) over what comes in (RFC 8032).
verify() {
    local message key
    message=$(mktemp) key=$(mktemp)
    cat >"$message"
    { printf 302a300506032b6570032100 | xxd -r -p && base64 -d <<<"$1"; } >"$key" # RFC 8410
    openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey "$key" -in "$message" -sigfile <(base64 -d <<<"$2")
    rm "$message" "$key"
}

# sign_of FILE KEY: the signature that an envelope has of a key.
sign_of() { jq -r --arg id "$(key_id "$2")" '.signatures[] | select(.keyid == $id) | .sig' "$1"; }

# note_text FILE / note_signature FILE NAME: what a C2SP signed note says, and NAME's signature without its key hash.
note_text() { sed '/^$/,$d' "$1"; }
note_signature() { grep "^— $2 " "$1" | cut -d ' ' -f 3 | base64 -d | tail -c "+$((5 + ${3:-0}))" | base64 -w0; }

# vkey VKEY: the key in a verifier key of a note.
vkey() { cut -d + -f 3- <<<"$1" | base64 -d | tail -c +2 | base64 -w0; }

# sealed_leaf N: the leaf that unit N of the opening was counted from (its listing says which).
sealed_leaf() { jq -r --argjson n "$1" '"leaves/\(.units[$n].leaf).dsse.json"' opening/1/listing.json; }

# sha256 of what comes in, in hexadecimal digits.
digest() { sha256sum | cut -d ' ' -f 1; }
