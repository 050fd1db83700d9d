// Command build compiles the guardrails of policy/rego to WebAssembly. It is the only way their bytes are made.
//
// Usage: go run . <folder with *.rego> <capabilities.json> <out.wasm>
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/compile"
)

// Entry points: one for the decision, one that says whether any guardrail applies at all.
var entrypoints = []string{"gatehouse/guardrail/decision", "gatehouse/guardrail/applies"}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: build <folder> <capabilities.json> <out.wasm>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder, capabilitiesFile, out string) error {
	// Paths are part of the output, so they must not depend on where the repository lies.
	if err := os.Chdir(folder); err != nil {
		return err
	}
	text, err := os.Open(capabilitiesFile)
	if err != nil {
		return err
	}
	defer text.Close()
	capabilities, err := ast.LoadCapabilitiesJSON(text)
	if err != nil {
		return err
	}
	compiler := compile.New().
		WithPaths("guardrail.rego").
		WithTarget(compile.TargetWasm).
		WithEntrypoints(entrypoints...).
		WithCapabilities(capabilities).
		WithRegoAnnotationEntrypoints(false)
	if err := compiler.Build(context.Background()); err != nil {
		return err
	}
	for _, module := range compiler.Bundle().WasmModules {
		return os.WriteFile(out, module.Raw, 0o644)
	}
	return fmt.Errorf("the compiler gave no module")
}
