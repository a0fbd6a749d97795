// A stranger's view of the public log, by the packages that Go's checksum database is verified with:
// golang.org/x/mod/sumdb/note and tlog. Nothing of the product is used.
//
//	verifylog folder DIR    checks log.vkey, checkpoint, leaves/ and receipts/ of what center publish wrote
//	verifylog lines         answers JSON requests, one a line
//
// Exit codes: 0 all is well, 1 something is wrong (the message says what), 64 wrong usage.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const lineMax = 4 << 20 // bytes of one request

type request struct {
	Op      string   `json:"op"` // "text", "note", "leaf", "record" or "tree"
	Vkey    string   `json:"vkey"`
	Note    string   `json:"note"`
	Leaf    []byte   `json:"leaf"`
	Proof   []string `json:"proof"`
	Size    int64    `json:"size"`
	Root    string   `json:"root"`
	Index   int64    `json:"index"` // "tree": the size of the older tree
	OldRoot string   `json:"old_root"`
}

type answer struct {
	Error  string `json:"error,omitempty"`
	Origin string `json:"origin,omitempty"`
	Text   string `json:"text,omitempty"`
	Size   int64  `json:"size"`
	Root   string `json:"root,omitempty"`
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "folder" {
		size, receipts, err := folder(os.Args[2])
		if err != nil {
			fmt.Fprintln(os.Stderr, "verifylog:", err)
			os.Exit(1)
		}
		fmt.Printf("%d leaves, %d receipts\n", size, receipts)
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "lines" {
		lines()
		return
	}
	fmt.Fprintln(os.Stderr, "usage: verifylog folder DIR | verifylog lines")
	os.Exit(64)
}

func lines() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, lineMax)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var asked request
		said := answer{}
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			said.Error = "request: " + err.Error()
		} else if said, err = handle(asked); err != nil {
			said = answer{Error: err.Error()}
		}
		if err := out.Encode(said); err != nil {
			os.Exit(1)
		}
	}
}

func handle(asked request) (answer, error) {
	switch asked.Op {
	case "text":
		text, _, err := open(asked.Note, asked.Vkey)
		return answer{Text: text}, err
	case "note":
		origin, tree, err := openCheckpoint(asked.Note, asked.Vkey)
		return answer{Origin: origin, Size: tree.N, Root: tree.Hash.String()}, err
	case "leaf":
		return answer{Root: tlog.RecordHash(asked.Leaf).String()}, nil
	case "record":
		return answer{}, checkRecord(asked.Proof, asked.Size, asked.Root, asked.Index, asked.Leaf)
	case "tree":
		proof, err := hashes(asked.Proof)
		if err != nil {
			return answer{}, err
		}
		root, err := tlog.ParseHash(asked.Root)
		if err != nil {
			return answer{}, err
		}
		old, err := tlog.ParseHash(asked.OldRoot)
		if err != nil {
			return answer{}, err
		}
		return answer{}, tlog.CheckTree(tlog.TreeProof(proof), asked.Size, root, asked.Index, old)
	}
	return answer{}, fmt.Errorf("unknown op %q", asked.Op)
}

// open verifies a signed note with note.Open; it returns the text, and the name of the key.
func open(signed, vkey string) (string, string, error) {
	verifier, err := note.NewVerifier(strings.TrimSuffix(vkey, "\n"))
	if err != nil {
		return "", "", err
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return "", "", err
	}
	return opened.Text, verifier.Name(), nil
}

// openCheckpoint verifies a signed note and reads the three lines of a C2SP checkpoint.
// (tlog.ParseTree reads only notes of "go.sum database tree".)
func openCheckpoint(signed, vkey string) (string, tlog.Tree, error) {
	opened, name, err := open(signed, vkey)
	if err != nil {
		return "", tlog.Tree{}, err
	}
	text := strings.Split(opened, "\n")
	if len(text) != 4 {
		return "", tlog.Tree{}, errors.New("the note is not a checkpoint of three lines")
	}
	size, err := strconv.ParseInt(text[1], 10, 64)
	if err != nil || size < 0 || text[1] != strconv.FormatInt(size, 10) {
		return "", tlog.Tree{}, fmt.Errorf("size %q", text[1])
	}
	hash, err := tlog.ParseHash(text[2])
	if text[0] != name {
		return "", tlog.Tree{}, fmt.Errorf("origin %q of a log called %q", text[0], name)
	}
	return text[0], tlog.Tree{N: size, Hash: hash}, err
}

func checkRecord(encoded []string, size int64, root string, index int64, leaf []byte) error {
	proof, err := hashes(encoded)
	if err != nil {
		return err
	}
	hash, err := tlog.ParseHash(root)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(tlog.RecordProof(proof), size, hash, index, tlog.RecordHash(leaf))
}

func hashes(encoded []string) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, one := range encoded {
		hash, err := tlog.ParseHash(one)
		if err != nil {
			return nil, err
		}
		found = append(found, hash)
	}
	return found, nil
}

// folder checks a publication: the checkpoint, the tree over the leaves, and every receipt.
func folder(path string) (int64, int, error) {
	vkey, err := os.ReadFile(filepath.Join(path, "log.vkey"))
	if err != nil {
		return 0, 0, err
	}
	signed, err := os.ReadFile(filepath.Join(path, "checkpoint"))
	if err != nil {
		return 0, 0, err
	}
	_, tree, err := openCheckpoint(string(signed), string(vkey))
	if err != nil {
		return 0, 0, fmt.Errorf("checkpoint: %w", err)
	}
	leaves, err := readLeaves(path, tree)
	if err != nil {
		return 0, 0, err
	}
	receipts, err := filepath.Glob(filepath.Join(path, "receipts", "*.tlog-proof"))
	if err != nil {
		return 0, 0, err
	}
	for _, name := range receipts {
		if err := checkReceipt(name, leaves, string(vkey)); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return tree.N, len(receipts), nil
}

// readLeaves computes the root over the published leaves, as a log keeps it, and compares it with the signed one.
func readLeaves(path string, tree tlog.Tree) ([][]byte, error) {
	var leaves [][]byte
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for index := int64(0); index < tree.N; index++ {
		leaf, err := os.ReadFile(filepath.Join(path, "leaves", fmt.Sprintf("%d.dsse.json", index)))
		if err != nil {
			return nil, err
		}
		more, err := tlog.StoredHashes(index, leaf, reader)
		if err != nil {
			return nil, err
		}
		leaves, stored = append(leaves, leaf), append(stored, more...)
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err == nil && root != tree.Hash {
		err = fmt.Errorf("the leaves have root %v, the checkpoint says %v", root, tree.Hash)
	}
	return leaves, err
}

// checkReceipt reads a C2SP tlog-proof and checks it with tlog.CheckRecord under its own checkpoint.
func checkReceipt(name string, leaves [][]byte, vkey string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, signed, _ := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[2], "index ") {
		return errors.New("not a tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil || index < 0 || index >= int64(len(leaves)) {
		return fmt.Errorf("%q of %d leaves", lines[2], len(leaves))
	}
	digest := sha256.Sum256(leaves[index])
	if lines[1] != "extra "+base64.StdEncoding.EncodeToString(digest[:]) {
		return fmt.Errorf("%q is not the hash of leaf %d", lines[1], index)
	}
	_, tree, err := openCheckpoint(signed, vkey)
	if err != nil {
		return err
	}
	return checkRecord(lines[3:], tree.N, tree.Hash.String(), index, leaves[index])
}
