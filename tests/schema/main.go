// Command schema validates JSON documents: schema SCHEMA FILE... Each file holds one
// document or several, one after the other.
//
// It knows the part of JSON Schema that docs/schema uses, and refuses a schema with any
// other keyword. It is stricter than JSON Schema in one point: a key that the schema does
// not name is an error, so that no output is left undocumented.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: schema SCHEMA FILE...")
		os.Exit(2)
	}
	s, err := load(os.Args[1])
	for _, file := range os.Args[2:] {
		if err == nil {
			err = s.validateFile(file)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A schema is a document of JSON Schema, decoded.
type schema struct{ root map[string]any }

var annotations = []string{"$schema", "$defs", "title", "description"}
var keywords = []string{
	"$ref", "type", "const", "enum", "pattern", "minimum", "maximum",
	"properties", "required", "additionalProperties", "items", "minItems", "maxItems", "oneOf",
}

func load(file string) (*schema, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := new(schema)
	if err := json.Unmarshal(text, &s.root); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := known(s.root); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// known insists on keywords that validate obeys, in all subschemas.
func known(node map[string]any) error {
	for key, value := range node {
		var subschemas []any
		switch key {
		case "$defs", "properties":
			subschemas = slices.Collect(maps.Values(value.(map[string]any)))
		case "items", "additionalProperties":
			subschemas = []any{value}
		case "oneOf":
			subschemas = value.([]any)
		}
		if !slices.Contains(annotations, key) && !slices.Contains(keywords, key) {
			return fmt.Errorf("unsupported keyword %q", key)
		}
		for _, sub := range subschemas {
			if object, ok := sub.(map[string]any); ok {
				if err := known(object); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *schema) validateFile(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	for n := 0; ; n++ {
		var doc any
		switch err := d.Decode(&doc); {
		case err == io.EOF && n > 0:
			return nil
		case err != nil:
			return fmt.Errorf("%s: document %d: %w", file, n, err)
		}
		if err := s.validate(s.root, doc, ""); err != nil {
			return fmt.Errorf("%s: document %d: %w", file, n, err)
		}
	}
}

// validate compares the value at path with a subschema.
func (s *schema) validate(node map[string]any, value any, path string) error {
	if target, ok := node["$ref"].(string); ok {
		def, ok := s.root["$defs"].(map[string]any)[strings.TrimPrefix(target, "#/$defs/")].(map[string]any)
		if !ok {
			return fmt.Errorf("the schema does not define %q", target)
		}
		return s.validate(def, value, path)
	}
	if options, ok := node["oneOf"].([]any); ok {
		return s.validateOne(options, value, path)
	}
	if err := scalar(node, value); err != nil {
		return fmt.Errorf("at %q: %w", path, err)
	}
	switch v := value.(type) {
	case []any:
		items, ok := node["items"].(map[string]any)
		if !ok {
			return fmt.Errorf("at %q: the schema does not describe an array", path)
		}
		least, _ := node["minItems"].(float64)
		if most, ok := node["maxItems"].(float64); len(v) < int(least) || ok && len(v) > int(most) {
			return fmt.Errorf("at %q: %d items", path, len(v))
		}
		for i, item := range v {
			if err := s.validate(items, item, fmt.Sprintf("%s/%d", path, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		return s.validateObject(node, v, path)
	}
	return nil
}

func (s *schema) validateOne(options []any, value any, path string) error {
	var failed []error
	for _, option := range options {
		if err := s.validate(option.(map[string]any), value, path); err != nil {
			failed = append(failed, err)
		}
	}
	if n := len(options) - len(failed); n != 1 {
		return fmt.Errorf("at %q: %d of %d alternatives match: %w", path, n, len(options), errors.Join(failed...))
	}
	return nil
}

func (s *schema) validateObject(node, value map[string]any, path string) error {
	required, _ := node["required"].([]any)
	for _, key := range required {
		if _, ok := value[key.(string)]; !ok {
			return fmt.Errorf("at %q: lacks %q", path, key)
		}
	}
	properties, _ := node["properties"].(map[string]any)
	for key, member := range value {
		sub, ok := properties[key].(map[string]any)
		if !ok {
			sub, ok = node["additionalProperties"].(map[string]any)
		}
		if !ok && node["additionalProperties"] == true {
			continue
		}
		if !ok {
			return fmt.Errorf("at %q: the schema does not name %q", path, key)
		}
		if err := s.validate(sub, member, path+"/"+key); err != nil {
			return err
		}
	}
	return nil
}

// scalar obeys the keywords that look at a value and not into it.
func scalar(node map[string]any, value any) error {
	if want, ok := node["type"]; ok && !hasType(want, value) {
		return fmt.Errorf("%v is not of type %v", value, want)
	}
	if want, ok := node["const"]; ok && !reflect.DeepEqual(want, value) {
		return fmt.Errorf("%v is not %v", value, want)
	}
	if list, ok := node["enum"].([]any); ok && !slices.Contains(list, value) {
		return fmt.Errorf("%v is not one of %v", value, list)
	}
	if pattern, ok := node["pattern"].(string); ok {
		if text, isText := value.(string); isText && !regexp.MustCompile(pattern).MatchString(text) {
			return fmt.Errorf("%q does not match %s", text, pattern)
		}
	}
	number, isNumber := value.(float64)
	if least, ok := node["minimum"].(float64); ok && isNumber && number < least {
		return fmt.Errorf("%v is below %v", number, least)
	}
	if most, ok := node["maximum"].(float64); ok && isNumber && number > most {
		return fmt.Errorf("%v is above %v", number, most)
	}
	return nil
}

// hasType reports whether a value is of a type, or of one of a list.
func hasType(want, value any) bool {
	if list, ok := want.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return hasType(one, value) })
	}
	switch v := value.(type) {
	case nil:
		return want == "null"
	case bool:
		return want == "boolean"
	case string:
		return want == "string"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v)) || want == "integer" && v >= 1<<63
	case []any:
		return want == "array"
	}
	return want == "object"
}
