// Command manifests reads objects of Kubernetes as strictly as an API server does, with its
// own types. It prints a line about each, or, with -pod, the pod that a DaemonSet makes. It
// is a module of its own: nothing else in this tree needs those types.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kubejson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

func main() {
	pod := flag.String("pod", "", "print the pod of the DaemonSet of this `name`")
	flag.Parse()
	if err := run(*pod); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

func run(pod string) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	found := false
	for n := 1; ; n++ {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		line, set, err := read(text)
		if err != nil {
			return fmt.Errorf("object %d: %w", n, err)
		}
		if pod == "" {
			fmt.Println(line)
		} else if set != nil && set.Name == pod {
			found = true
			if err := printPod(set); err != nil {
				return err
			}
		}
	}
	if pod != "" && !found {
		return fmt.Errorf("no DaemonSet %q", pod)
	}
	return nil
}

// read refuses other kinds of objects, unknown and repeated fields, and names that an API
// server does not take.
func read(text []byte) (line string, set *appsv1.DaemonSet, err error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(text, &kind); err != nil {
		return "", nil, err
	}
	var wrong []string
	var selected map[string]string
	switch kind.GroupVersionKind() {
	case nodev1.SchemeGroupVersion.WithKind("RuntimeClass"):
		var class nodev1.RuntimeClass
		if err := strictly(text, &class); err != nil {
			return "", nil, err
		}
		if class.Scheduling != nil {
			selected = class.Scheduling.NodeSelector
		}
		wrong = append(validation.IsDNS1123Subdomain(class.Name), validation.IsDNS1123Label(class.Handler)...)
		line = fmt.Sprintf("RuntimeClass %s: handler %s", class.Name, class.Handler)
	case appsv1.SchemeGroupVersion.WithKind("DaemonSet"):
		set = new(appsv1.DaemonSet)
		if err := strictly(text, set); err != nil {
			return "", nil, err
		}
		selected = set.Spec.Template.Spec.NodeSelector
		wrong = validation.IsDNS1123Subdomain(set.Name)
		selector, err := metav1.LabelSelectorAsSelector(set.Spec.Selector)
		if err != nil {
			return "", nil, err
		}
		if selector.Empty() || !selector.Matches(labels.Set(set.Spec.Template.Labels)) {
			wrong = append(wrong, "the selector does not match the labels of the template")
		}
		line = "DaemonSet " + set.Name
	default:
		return "", nil, fmt.Errorf("unexpected %v", kind.GroupVersionKind())
	}
	for key, value := range selected {
		wrong = append(append(wrong, validation.IsQualifiedName(key)...), validation.IsValidLabelValue(value)...)
		line += fmt.Sprintf(", nodes %s=%s", key, value)
	}
	if len(wrong) > 0 {
		return "", nil, fmt.Errorf("%s: %s", line, strings.Join(wrong, "; "))
	}
	return line, set, nil
}

// strictly reads an object as an API server does, which minds the case of names, too.
func strictly(text []byte, object any) error {
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	wrong, err := kubejson.UnmarshalStrict(data, object)
	return errors.Join(append(wrong, err)...)
}

// printPod prints the pod for a kubelet that reads files.
func printPod(set *appsv1.DaemonSet) error {
	text, err := json.MarshalIndent(corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: set.Name, Namespace: set.Namespace, Labels: set.Spec.Template.Labels},
		Spec:       set.Spec.Template.Spec,
	}, "", "  ")
	if err == nil {
		_, err = fmt.Println(string(text))
	}
	return err
}
