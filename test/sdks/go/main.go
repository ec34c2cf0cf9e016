// Prints one JSON line per feature.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

const patience = 20 * time.Second

type line struct {
	Feature string `json:"feature"`
	Status  string `json:"status"`
	Detail  string `json:"detail"`
}

func main() {
	output := json.NewEncoder(os.Stdout)
	for _, one := range allChecks() {
		if err := output.Encode(run(one)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func run(one check) (result line) {
	if one.run == nil {
		return line{one.feature, "not offered", one.why}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer func() {
		if found := recover(); found != nil {
			result = line{one.feature, "fail", fmt.Sprint(found)}
		}
	}()
	b := newBench(ctx, one.feature)
	defer b.end()
	one.run(b)
	return line{one.feature, "pass", ""}
}
