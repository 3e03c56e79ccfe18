package tollgate

import (
	"encoding/json"

	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_expression_expression"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_log_log"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_context"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_variables"
)

// Debug, Info, Warn and Fault write lines for the operator, with the statement's place and the request's id. What goes to
// os.Stdout and os.Stderr is in the log, too.
func Debug(message string) { tollgate_log_log.Write(tollgate_log_log.Level_Debug, message) }

// Info is a line for the operator.
func Info(message string) { tollgate_log_log.Write(tollgate_log_log.Level_Info, message) }

// Warn is a line for the operator.
func Warn(message string) { tollgate_log_log.Write(tollgate_log_log.Level_Warn, message) }

// Fault is a line for the operator, of the level error.
func Fault(message string) { tollgate_log_log.Write(tollgate_log_log.Level_Error, message) }

// RequestID is the exchange's, as it is in the log.
func RequestID() string { return tollgate_policy_context.RequestId() }

// ClientIP is the client's address.
func ClientIP() string { return tollgate_policy_context.ClientIp() }

// APIID is the id of the matched API.
func APIID() string { return tollgate_policy_context.ApiId() }

// OperationID is the id of the matched operation; empty if there is none.
func OperationID() string { return tollgate_policy_context.OperationId().Some() }

// ProductID is the id of the product whose key was used; empty if there is none.
func ProductID() string { return tollgate_policy_context.ProductId().Some() }

// SubscriptionID is the id of the subscription whose key was used; empty if there is none.
func SubscriptionID() string { return tollgate_policy_context.Subscription().Some().Id }

// StatementID is the statement's id, or its place in the document.
func StatementID() string { return tollgate_policy_context.StatementId() }

// Variable reads what another statement has left, and tells whether it has.
func Variable(name string, into any) (bool, error) {
	value, there := tollgate_policy_variables.Get(name).Get()
	if !there {
		return false, nil
	}
	return true, json.Unmarshal([]byte(value), into)
}

// SetVariable leaves a JSON value for others.
func SetVariable(name string, value any) error {
	written, err := json.Marshal(value)
	if err != nil {
		return err
	}
	set := tollgate_policy_variables.Set(name, string(written))
	return Refused("set the variable "+name, set, "invalid-json", "too-large")
}

// Value is a member of the configuration that the operator may write as "${…}": then it has another value in each
// exchange.
type Value struct {
	fixed      json.RawMessage
	expression *uint32
}

// UnmarshalJSON takes the member of the configuration.
func (v *Value) UnmarshalJSON(text []byte) error {
	var written struct {
		Expression *uint32 `json:"$expression"`
	}
	if json.Unmarshal(text, &written) == nil && written.Expression != nil {
		v.expression = written.Expression
		return nil
	}
	v.fixed = append(json.RawMessage(nil), text...)
	return nil
}

// Into reads the value that the member has now, as [json.Unmarshal] does.
func (v Value) Into(into any) error {
	text := v.fixed
	if v.expression != nil {
		found, err := v.evaluate()
		if err != nil {
			return err
		}
		text = found
	}
	if text == nil {
		text = json.RawMessage("null")
	}
	return json.Unmarshal(text, into)
}

func (v Value) evaluate() (json.RawMessage, error) {
	result := tollgate_expression_expression.Evaluate(*v.expression)
	if err := Refused("evaluate an expression", result, "unknown", "failed"); err != nil {
		return nil, err
	}
	switch found := result.Ok(); found.Tag() {
	case tollgate_expression_expression.Value_Boolean:
		return json.Marshal(found.Boolean())
	case tollgate_expression_expression.Value_Integer:
		return json.Marshal(found.Integer())
	case tollgate_expression_expression.Value_Number:
		return json.Marshal(found.Number())
	case tollgate_expression_expression.Value_Text:
		return json.Marshal(found.Text())
	case tollgate_expression_expression.Value_Bytes:
		return json.Marshal(found.Bytes())
	case tollgate_expression_expression.Value_Json:
		return json.RawMessage(found.Json()), nil
	default:
		return json.RawMessage("null"), nil
	}
}
