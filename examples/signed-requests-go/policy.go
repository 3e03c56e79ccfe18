package main

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/tollgate/tollgate/sdk/go/cache"
	"github.com/tollgate/tollgate/sdk/go/crypto"
	"github.com/tollgate/tollgate/sdk/go/limiter"
	"github.com/tollgate/tollgate/sdk/go/tollgate"
)

// SignedRequests lets only requests pass that their tenant has signed, each once, and so many in a period.
type SignedRequests struct {
	Keys           map[string]string
	Calls          uint64
	Period, Replay time.Duration
}

func (s *SignedRequests) Manifest() tollgate.Manifest {
	return tollgate.Manifest{
		ID: "signed-requests", Version: "0.1.0",
		Summary: "Lets only requests pass that their tenant has signed.",
		Configuration: `{
			"type": "object",
			"additionalProperties": false,
			"required": ["keys", "calls", "period", "replay"],
			"properties": {
				"keys": { "type": "object", "additionalProperties": { "type": "string" } },
				"calls": { "type": "integer", "minimum": 1 },
				"period": { "type": "integer", "minimum": 1 },
				"replay": { "type": "integer", "minimum": 1 }
			}
		}`,
		Bodies:     map[string]tollgate.Buffering{"on-request": tollgate.Buffer(65536)},
		Rejections: []tollgate.Rejection{{Status: 429, Reason: "TenantLimit"}},
	}
}

func (s *SignedRequests) Configure(configuration json.RawMessage) error {
	if err := json.Unmarshal(configuration, s); err != nil {
		return err
	}
	for tenant, key := range s.Keys {
		if key == "" {
			return &tollgate.ConfigError{Pointer: "/keys/" + tenant, Message: "the key of a tenant is empty"}
		}
	}
	s.Period *= time.Second
	s.Replay *= time.Second
	return nil
}

func (s *SignedRequests) OnRequest(request *tollgate.Request) (tollgate.Verdict, error) {
	tenant := request.Header("x-tenant")
	key, known := s.Keys[tenant]
	if !known {
		return unauthorized("unknown tenant"), nil
	}

	digits := request.Header("x-signature")
	signature, err := hex.DecodeString(digits)
	if err != nil {
		return unauthorized("bad signature"), nil
	}
	body, err := request.Body()
	if err != nil {
		return tollgate.Next, err
	}
	if valid, err := crypto.VerifyHMAC([]byte(key), body, signature); err != nil || !valid {
		return unauthorized("bad signature"), err
	}

	seen := tenant + "/" + digits
	if _, replayed, err := cache.Get(seen); err != nil || replayed {
		return unauthorized("replayed"), err
	}

	decision, err := limiter.Admit(tenant, limiter.Window{Calls: s.Calls, Period: s.Period})
	if err != nil {
		return tollgate.Next, err
	}
	if !decision.Admitted {
		seconds := (decision.RetryAfter + time.Second - 1) / time.Second
		rejection := tollgate.Reject(429, "TenantLimit", "Too many requests of this tenant.")
		return rejection.WithHeader("retry-after", strconv.Itoa(int(seconds))), nil
	}

	if err := cache.Put(seen, []byte("1"), s.Replay); err != nil {
		return tollgate.Next, err
	}
	if err := request.SetHeader("x-verified", "true"); err != nil {
		return tollgate.Next, err
	}
	return tollgate.Next, request.RemoveHeader("x-signature")
}

func unauthorized(why string) tollgate.Verdict {
	return tollgate.JSON(401, map[string]string{"error": why}).WithHeader("www-authenticate", "Signature")
}

func init() { tollgate.Export(&SignedRequests{}) }

func main() {}
