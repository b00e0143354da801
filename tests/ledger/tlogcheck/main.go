// SPDX-License-Identifier: Apache-2.0

// Tlogcheck reads a log that tidegate wrote, as a folder or a URL, with Go's own packages for notes, trees and tiles,
// and says what it found. It shares no code with tidegate.
//
//	tlogcheck VKEY PREFIX [OLD-CHECKPOINT-FILE]
//	tlogcheck -cosigned VKEY CHECKPOINT-FILE
//	tlogcheck -cosign NAME TEXT-FILE
//
// The first verifies the checkpoint's signature, every tile against the root (tlog.TileHashReader does), every entry of every
// bundle, an inclusion proof for each of some entries, and that the log is consistent with the older checkpoint. The
// second verifies the cosignature of a witness; the third makes keys of both kinds of witnesses, cosigns a checkpoint's
// text with each, and writes key and signature line of each.
package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tlogcheck:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 3 && args[0] == "-cosigned" {
		return cosigned(args[1], args[2])
	}
	if len(args) == 3 && args[0] == "-cosign" {
		return cosign(args[1], args[2])
	}
	if len(args) < 2 {
		return fmt.Errorf("want VKEY PREFIX [OLD-CHECKPOINT-FILE]")
	}
	verifier, err := note.NewVerifier(args[0])
	if err != nil {
		return err
	}
	log := tiles{prefix: args[1]}
	raw, err := log.get("checkpoint")
	if err != nil {
		return err
	}
	tree, err := checkpoint(raw, verifier)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, log)
	if err := everyEntry(log, reader, tree); err != nil {
		return err
	}
	if len(args) > 2 {
		older, err := os.ReadFile(args[2])
		if err != nil {
			return err
		}
		if err := consistent(older, verifier, reader, tree); err != nil {
			return err
		}
	}
	fmt.Printf("%d entries, root %s\n", tree.N, tree.Hash)
	return nil
}

// checkpoint is c2sp.org/tlog-checkpoint; tlog.ParseTree would insist on the Go checksum database's own name.
func checkpoint(raw []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(raw, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.SplitN(opened.Text, "\n", 4)
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("no checkpoint of %s", verifier.Name())
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + lines[1] + "\n" + lines[2] + "\n"))
}

func everyEntry(log tiles, reader tlog.HashReader, tree tlog.Tree) error {
	for first := int64(0); first < tree.N; first += 1 << height {
		width := min(tree.N-first, 1<<height)
		bundle := tlog.Tile{H: height, L: -1, N: first >> height, W: int(width)}
		raw, err := log.get(path(bundle))
		if err != nil {
			return err
		}
		indexes := make([]int64, width)
		for at := range indexes {
			indexes[at] = tlog.StoredHashIndex(0, first+int64(at))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for at, hash := range hashes {
			if len(raw) < 2 || len(raw) < 2+int(binary.BigEndian.Uint16(raw)) {
				return fmt.Errorf("%s ends within an entry", path(bundle))
			}
			size := 2 + int(binary.BigEndian.Uint16(raw))
			if tlog.RecordHash(raw[2:size]) != hash {
				return fmt.Errorf("entry %d is not what its hash says", first+int64(at))
			}
			raw = raw[size:]
		}
		if len(raw) != 0 {
			return fmt.Errorf("%s holds more than its entries", path(bundle))
		}
		if err := included(reader, tree, first, hashes[0]); err != nil {
			return err
		}
	}
	return nil
}

func included(reader tlog.HashReader, tree tlog.Tree, index int64, hash tlog.Hash) error {
	proof, err := tlog.ProveRecord(tree.N, index, reader)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, hash)
}

func consistent(raw []byte, verifier note.Verifier, reader tlog.HashReader, tree tlog.Tree) error {
	older, err := checkpoint(raw, verifier)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, older.N, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash)
}

func cosigned(vkey, file string) error {
	verifier, err := cosignature.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	opened, err := note.Open(raw, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	fmt.Printf("cosigned by %s\n", opened.Sigs[0].Name)
	return nil
}

func cosign(name, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	classic, plain, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return err
	}
	classicKey, err := cosignature.VKeyToCosignatureV1(plain)
	if err != nil {
		return err
	}
	quantum, quantumKey, err := cosignature.GenerateMLDSAKey(name)
	if err != nil {
		return err
	}
	for _, pair := range [][2]string{{classic, classicKey}, {quantum, quantumKey}} {
		signer, err := cosignature.NewSignerForCosignatureV1(pair[0])
		if err != nil {
			return err
		}
		signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n%s", pair[1], signed[len(text)+1:])
	}
	return nil
}

// tiles is a tlog.TileReader over a folder or a URL.
type tiles struct{ prefix string }

func (tiles) Height() int { return height }

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for at, tile := range wanted {
		raw, err := t.get(path(tile))
		if err != nil {
			return nil, err
		}
		found[at] = raw
	}
	return found, nil
}

// path is where c2sp.org/tlog-tiles has a tile: as Go's own layout, without the height, and entries instead of data.
func path(tile tlog.Tile) string {
	return strings.Replace(strings.Replace(tile.Path(), "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

func (t tiles) get(name string) ([]byte, error) {
	if !strings.Contains(t.prefix, "://") {
		return os.ReadFile(filepath.Join(t.prefix, filepath.FromSlash(name)))
	}
	answer, err := http.Get(strings.TrimSuffix(t.prefix, "/") + "/" + name)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", name, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 1<<25))
}
