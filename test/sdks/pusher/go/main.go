// Prints one JSON line per feature. Arguments: names of checks, when only some are wanted.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sort"
)

func main() {
	names := make([]string, 0, len(checks))
	for name := range checks {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], name) {
			continue
		}
		status, detail := run(name)
		line, _ := json.Marshal(map[string]string{"feature": name, "status": status, "detail": detail})
		fmt.Println(string(line))
	}
}

// run returns how the check went: its status and one line about it.
func run(name string) (status, detail string) {
	if why, isNot := checks[name].(notOffered); isNot {
		return "not offered", string(why)
	}
	b := newBench(name)
	defer b.end()
	defer func() {
		if reason := recover(); reason != nil {
			status, detail = "fail", fmt.Sprint(reason)
		}
	}()
	checks[name].(func(*bench))(b)
	return "pass", ""
}
