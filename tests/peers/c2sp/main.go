// Program c2sp looks at logs and witnesses with other people's implementations of the C2SP formats: filippo.io/torchwood,
// golang.org/x/mod/sumdb, github.com/transparency-dev/{formats,witness}. A test drives it; it is no part of the product.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"filippo.io/torchwood"
	fnote "github.com/transparency-dev/formats/note"
	witnessclient "github.com/transparency-dev/witness/client/http"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	commands := map[string]func([]string) (any, error){
		"log": verifyLog, "note": verifyNote, "proof": verifyProof, "consistency": verifyConsistency,
		"submit": submit, "witness": serveWitness,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fail(fmt.Errorf("usage: c2sp log|note|proof|consistency|submit|witness ..."))
	}
	answer, err := commands[os.Args[1]](os.Args[2:])
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// verifier reads keys of types 1 (Ed25519), 4 (cosignature/v1) and 6 (ML-DSA-44).
func verifier(vkey string) (note.Verifier, error) {
	if v, err := note.NewVerifier(vkey); err == nil {
		return v, nil
	}
	if v, err := torchwood.NewCosignatureVerifier(vkey); err == nil {
		return v, nil
	}
	return fnote.NewMLDSAVerifier(vkey)
}

func open(text []byte, vkeys []string) (torchwood.Checkpoint, int, error) {
	var known []note.Verifier
	for _, vkey := range vkeys {
		v, err := verifier(vkey)
		if err != nil {
			return torchwood.Checkpoint{}, 0, fmt.Errorf("key %.60s: %w", vkey, err)
		}
		known = append(known, v)
	}
	n, err := note.Open(text, note.VerifierList(known...))
	if err != nil {
		return torchwood.Checkpoint{}, 0, err
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	return c, len(n.Sigs), err
}

// log URL VKEY...: reads a whole log, every entry proved against the signed checkpoint.
func verifyLog(args []string) (any, error) {
	fetcher, err := torchwood.NewTileFetcher(args[0])
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	text, err := fetcher.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return nil, err
	}
	c, signatures, err := open(text, args[1:])
	if err != nil {
		return nil, err
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		return nil, err
	}
	entries := 0
	for range client.AllEntries(ctx, c.Tree, 0) {
		entries++
	}
	if client.Err() != nil {
		return nil, client.Err()
	}
	return map[string]any{"origin": c.Origin, "size": c.N, "entries": entries, "signatures": signatures}, nil
}

// note FILE VKEY...: every given key must have signed.
func verifyNote(args []string) (any, error) {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	c, signatures, err := open(text, args[1:])
	return map[string]any{"origin": c.Origin, "size": c.N, "signatures": signatures}, err
}

// proof POLICY PROOF ENTRY: a .tlog-proof file of an entry, under a policy file.
func verifyProof(args []string) (any, error) {
	var files [3][]byte
	for i := range files {
		var err error
		if files[i], err = os.ReadFile(args[i]); err != nil {
			return nil, err
		}
	}
	policy, err := torchwood.ParsePolicy(files[0])
	if err != nil {
		return nil, err
	}
	return "verified", torchwood.VerifyProof(policy, tlog.RecordHash(files[2]), files[1])
}

// consistency OLD NEW VKEY HASH...: two checkpoint files of one log.
func verifyConsistency(args []string) (any, error) {
	var trees [2]torchwood.Checkpoint
	for i := range trees {
		text, err := os.ReadFile(args[i])
		if err != nil {
			return nil, err
		}
		if trees[i], _, err = open(text, args[2:3]); err != nil {
			return nil, err
		}
	}
	var proof tlog.TreeProof
	for _, line := range args[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		proof = append(proof, hash)
	}
	return "consistent", tlog.CheckTree(proof, trees[1].N, trees[1].Hash, trees[0].N, trees[0].Hash)
}

// submit URL OLDSIZE FILE HASH...: submits a checkpoint to a witness with transparency-dev's client.
func submit(args []string) (any, error) {
	target, err := url.Parse(args[0])
	if err != nil {
		return nil, err
	}
	var old uint64
	if _, err := fmt.Sscan(args[1], &old); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(args[2])
	if err != nil {
		return nil, err
	}
	var proof [][]byte
	for _, line := range args[3:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return nil, err
		}
		proof = append(proof, hash)
	}
	lines, size, err := witnessclient.NewWitness(target, http.DefaultClient).Update(context.Background(), old, text, proof)
	answer := map[string]any{"lines": string(lines), "size": size}
	if err != nil {
		answer["error"] = err.Error()
	}
	return answer, nil
}

// witness NAME VKEY...: transparency-dev's witness on a free port of loopback, memory only, until it is told to end.
func serveWitness(args []string) (any, error) {
	skey, vkey, err := note.GenerateKey(nil, args[0])
	if err != nil {
		return nil, err
	}
	signer, err := fnote.NewSignerForCosignatureV1(skey)
	if err != nil {
		return nil, err
	}
	cosigner, err := fnote.VKeyToCosignatureV1(vkey)
	if err != nil {
		return nil, err
	}
	mldsaSkey, mldsaVkey, err := fnote.GenerateMLDSAKey(args[0])
	if err != nil {
		return nil, err
	}
	quantum, err := fnote.NewMLDSASigner(mldsaSkey)
	if err != nil {
		return nil, err
	}
	logs := map[string]note.Verifier{}
	for _, key := range args[1:] {
		v, err := verifier(key)
		if err != nil {
			return nil, err
		}
		logs[v.Name()] = v
	}
	w, err := witness.New(context.Background(), witness.Opts{
		Persistence: inmemory.New(),
		Signers:     []note.Signer{signer, quantum},
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			v, found := logs[origin]
			return v, found, nil
		},
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", witness.NewHTTPHandler(w).AddCheckpoint)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	started := map[string]any{"url": "http://" + listener.Addr().String(), "vkeys": []string{cosigner, mldsaVkey}}
	if err := json.NewEncoder(os.Stdout).Encode(started); err != nil {
		return nil, err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
	return "stopped", server.Close()
}
