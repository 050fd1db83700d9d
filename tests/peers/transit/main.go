// Serves the transit backend of Vault 1.14 (the last line under MPL-2.0) over in-memory storage, as a counterpart for
// tests. It is never shipped. It prints its port and ends when its standard input is closed.
package main

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	log "github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

type server struct {
	backend   logical.Backend
	storage   logical.Storage
	mount     string
	token     string
	namespace string
}

func main() {
	mount := flag.String("mount", "transit", "path of the mount")
	token := flag.String("token", "", "the one token that is accepted")
	namespace := flag.String("namespace", "", "the one namespace that exists; empty for none")
	certificate := flag.String("cert", "", "PEM file with a certificate: serves HTTPS")
	key := flag.String("key", "", "PEM file with its key")
	flag.Parse()
	ctx := context.Background()
	storage := &logical.InmemStorage{}
	config := &logical.BackendConfig{
		Logger:      log.NewNullLogger(),
		StorageView: storage,
		System:      &logical.StaticSystemView{DefaultLeaseTTLVal: time.Hour, MaxLeaseTTLVal: time.Hour},
		Config:      map[string]string{},
	}
	backend, err := transit.Backend(ctx, config)
	fail(err)
	completePaths(backend.Paths)
	fail(backend.Setup(ctx, config))
	fail(backend.Initialize(ctx, &logical.InitializationRequest{Storage: storage}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if *certificate != "" {
		pair, err := tls.LoadX509KeyPair(*certificate, *key)
		fail(err)
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}})
	}
	handler := &server{backend, storage, *mount, *token, *namespace}
	go func() { fail(http.Serve(listener, handler)) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// The released SDK insists on an existence check beside every creation, and one path of the released backend has none.
func completePaths(paths []*framework.Path) {
	for _, path := range paths {
		if path.ExistenceCheck == nil {
			path.ExistenceCheck = func(context.Context, *logical.Request, *framework.FieldData) (bool, error) {
				return true, nil
			}
		}
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, found := strings.CutPrefix(r.URL.Path, "/v1/"+s.mount+"/")
	if !found || strings.Trim(r.Header.Get("X-Vault-Namespace"), "/") != s.namespace {
		answer(w, http.StatusNotFound, map[string]any{"errors": []string{"no handler for route"}})
		return
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Vault-Token")), []byte(s.token)) != 1 {
		answer(w, http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}})
		return
	}
	request := &logical.Request{Path: path, Storage: s.storage, MountPoint: s.mount + "/", Data: map[string]any{}}
	if r.Method != http.MethodGet && r.ContentLength != 0 {
		decoder := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
		decoder.UseNumber()
		if err := decoder.Decode(&request.Data); err != nil {
			answer(w, http.StatusBadRequest, map[string]any{"errors": []string{"failed to parse JSON input"}})
			return
		}
	}
	operation, err := s.operation(r, request)
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]any{"errors": []string{err.Error()}})
		return
	}
	request.Operation = operation
	s.respond(w, r, request)
}

// As Vault's router does: a write to what does not exist is a creation, where the path can tell.
func (s *server) operation(r *http.Request, request *logical.Request) (logical.Operation, error) {
	switch r.Method {
	case http.MethodGet:
		return logical.ReadOperation, nil
	case http.MethodDelete:
		return logical.DeleteOperation, nil
	}
	request.Operation = logical.CreateOperation
	checked, exists, err := s.backend.HandleExistenceCheck(r.Context(), request)
	if checked && !exists {
		return logical.CreateOperation, err
	}
	return logical.UpdateOperation, err
}

func (s *server) respond(w http.ResponseWriter, r *http.Request, request *logical.Request) {
	response, err := s.backend.HandleRequest(r.Context(), request)
	if status, failure := logical.RespondErrorCommon(request, response, err); failure != nil {
		answer(w, status, map[string]any{"errors": []string{failure.Error()}})
		return
	}
	if response == nil && request.Operation == logical.ReadOperation {
		answer(w, http.StatusNotFound, map[string]any{"errors": []string{}})
		return
	}
	if response == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if raw, ok := response.Data[logical.HTTPRawBody]; ok {
		status, _ := response.Data[logical.HTTPStatusCode].(int)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, raw)
		return
	}
	answer(w, http.StatusOK, map[string]any{"data": response.Data, "warnings": response.Warnings})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
