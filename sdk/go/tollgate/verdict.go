package tollgate

import (
	"encoding/json"

	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_messages"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_verdicts"
	"github.com/tollgate/tollgate/sdk/go/wit"
)

// Verdict is what a phase decides. Its zero is [Next].
type Verdict struct {
	kind    uint8
	status  uint16
	staged  bool
	body    []byte
	reason  string
	message string
	headers []Field
}

// Field is one line of a header section.
type Field struct {
	Name, Value string
}

// Next goes on with the next statement.
var Next = Verdict{}

// Staged answers with what a capability has put ready, such as cache.Lookup after a hit.
var Staged = Verdict{kind: tollgate_policy_verdicts.Verdict_Respond, staged: true}

// Reply stops, and answers the client.
func Reply[Text string | []byte](status int, body Text) Verdict {
	return Verdict{kind: tollgate_policy_verdicts.Verdict_Respond, status: uint16(status), body: []byte(body)}
}

// JSON stops, and answers with a JSON document. It panics if the value can't be one.
func JSON(status int, value any) Verdict {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return Reply(status, body).WithHeader("content-type", "application/json")
}

// Reject stops, and refuses: the on-error section runs. The status is 400–599, the reason a word, the message a sentence
// for the client.
func Reject(status int, reason, message string) Verdict {
	return Verdict{
		kind: tollgate_policy_verdicts.Verdict_Reject, status: uint16(status), reason: reason, message: message,
	}
}

// WithHeader adds a header to a reply or a rejection.
func (v Verdict) WithHeader(name, value string) Verdict {
	v.headers = append(v.headers[:len(v.headers):len(v.headers)], Field{name, value})
	return v
}

func (v Verdict) written() tollgate_policy_verdicts.Verdict {
	switch {
	case v.kind == tollgate_policy_verdicts.Verdict_Next:
		return tollgate_policy_verdicts.MakeVerdictNext()
	case v.staged:
		return tollgate_policy_verdicts.MakeVerdictRespond(tollgate_policy_verdicts.MakeReplyStaged())
	}
	headers := make([]tollgate_policy_messages.Field, 0, len(v.headers))
	for _, field := range v.headers {
		headers = append(headers, tollgate_policy_messages.Field{Name: field.Name, Value: []byte(field.Value)})
	}
	if v.kind == tollgate_policy_verdicts.Verdict_Reject {
		return tollgate_policy_verdicts.MakeVerdictReject(tollgate_policy_verdicts.Failure{
			Status: v.status, Reason: v.reason, Message: v.message, Headers: headers,
		})
	}
	inline := tollgate_policy_verdicts.InlineReply{
		Status: v.status, Reason: wit.None[string](), Headers: headers, Body: v.body,
	}
	return tollgate_policy_verdicts.MakeVerdictRespond(tollgate_policy_verdicts.MakeReplyInline(inline))
}
