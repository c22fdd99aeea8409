// Command runtimeclass reads a RuntimeClass of Kubernetes as strictly as an API
// server does, with its own types, and prints its handler. It is a module of its
// own: nothing else in this tree needs those.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

func main() {
	handler, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "runtimeclass:", err)
		os.Exit(1)
	}
	fmt.Println(handler)
}

// read refuses unknown and repeated fields, another kind, and names that an API
// server does not take (ValidateRuntimeClass).
func read(in io.Reader) (handler string, err error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return "", err
	}
	var class nodev1.RuntimeClass
	if err := yaml.UnmarshalStrict(text, &class); err != nil {
		return "", err
	}
	if got, want := class.GroupVersionKind(), nodev1.SchemeGroupVersion.WithKind("RuntimeClass"); got != want {
		return "", fmt.Errorf("expected %v, found %v", want, got)
	}
	wrong := append(validation.IsDNS1123Subdomain(class.Name), validation.IsDNS1123Label(class.Handler)...)
	if len(wrong) > 0 {
		return "", fmt.Errorf("name %q, handler %q: %s", class.Name, class.Handler, strings.Join(wrong, "; "))
	}
	return class.Handler, nil
}
