package main

import (
	"encoding/json"

	"github.com/tollgate/tollgate/sdk/go/tollgate"
)

// Hello greets whoever asks for /hello, and lets every other request pass.
type Hello struct {
	Greeting string `json:"greeting"`
}

func (h *Hello) Manifest() tollgate.Manifest {
	return tollgate.Manifest{
		ID: "{{name}}", Version: "0.1.0", Summary: "Greets whoever asks for /hello.",
		Configuration: `{
			"type": "object",
			"additionalProperties": false,
			"properties": { "greeting": { "type": "string", "default": "Hello" } }
		}`,
	}
}

func (h *Hello) Configure(configuration json.RawMessage) error {
	h.Greeting = "Hello"
	return json.Unmarshal(configuration, h)
}

func (h *Hello) OnRequest(request *tollgate.Request) (tollgate.Verdict, error) {
	if request.Path() != "/hello" {
		return tollgate.Next, nil
	}
	return tollgate.Reply(200, h.Greeting+" from a policy!\n"), nil
}

func init() { tollgate.Export(&Hello{}) }

func main() {}
