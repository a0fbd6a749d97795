// prove RECEIPT ENVELOPE VKEY: whether the log of VKEY holds the envelope, by Go's own sumdb/note and sumdb/tlog.
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func hash(text string) (h tlog.Hash) {
	copy(h[:], must(base64.StdEncoding.DecodeString(text)))
	return h
}

func main() {
	receipt, envelope := must(os.ReadFile(os.Args[1])), must(os.ReadFile(os.Args[2]))
	vkey := strings.TrimSpace(string(must(os.ReadFile(os.Args[3]))))

	// A tlog-proof (c2sp.org/tlog-proof): magic, extra, index, the proof's hashes, an empty line, the signed checkpoint.
	head, checkpoint, _ := bytes.Cut(receipt, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	index := must(strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64))
	proof := tlog.RecordProof{}
	for _, line := range lines[3:] {
		proof = append(proof, hash(line))
	}

	// The checkpoint: origin, size, root, signed by the log.
	opened := must(note.Open(checkpoint, note.VerifierList(must(note.NewVerifier(vkey)))))
	said := strings.Split(opened.Text, "\n")
	size := must(strconv.ParseInt(said[1], 10, 64))

	must(0, tlog.CheckRecord(proof, size, hash(said[2]), index, tlog.RecordHash(envelope)))
	fmt.Printf("%s: envelope %d of %d\n", opened.Sigs[0].Name, index, size)
}
