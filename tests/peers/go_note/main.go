// A stranger's view of a signed note, by golang.org/x/mod/sumdb/note. Nothing of the product is used.
//
//	opennote VKEY...    reads a note from stdin; prints its text, then the names of those who signed it
//
// Exit codes: 0 at least one of them has signed, and no signature of theirs is wrong; 1 otherwise.
package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := open(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "opennote:", err)
		os.Exit(1)
	}
}

func open(vkeys []string) error {
	var verifiers []note.Verifier
	for _, vkey := range vkeys {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, verifier)
	}
	signed, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	opened, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		return err
	}
	fmt.Print(opened.Text)
	for _, signature := range opened.Sigs {
		fmt.Println(signature.Name)
	}
	return nil
}
