package wit

// The tags of an Option and of a Result, as the bindings ask for them.
const (
	OptionNone uint8 = 0
	OptionSome uint8 = 1
	ResultOk   uint8 = 0
	ResultErr  uint8 = 1
)

// Unit is the value of a result that has none.
type Unit struct{}

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Option is a value or none.
type Option[T any] struct {
	value T
	there bool
}

// Some is an Option with a value.
func Some[T any](value T) Option[T] { return Option[T]{value: value, there: true} }

// None is an Option without a value.
func None[T any]() Option[T] { return Option[T]{} }

// Tag is OptionSome or OptionNone.
func (o Option[T]) Tag() uint8 {
	if o.there {
		return OptionSome
	}
	return OptionNone
}

// Some is the value; the type's zero if there is none.
func (o Option[T]) Some() T { return o.value }

// Get is the value, and whether there is one.
func (o Option[T]) Get() (T, bool) { return o.value, o.there }

// Result is a value or what went wrong.
type Result[T, E any] struct {
	value  T
	err    E
	failed bool
}

// Ok is a Result that went well.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{value: value} }

// Err is a Result that didn't.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{err: err, failed: true} }

// Tag is ResultOk or ResultErr.
func (r Result[T, E]) Tag() uint8 {
	if r.failed {
		return ResultErr
	}
	return ResultOk
}

// Ok is the value; the type's zero if it failed.
func (r Result[T, E]) Ok() T { return r.value }

// Err is what went wrong; the type's zero if nothing did.
func (r Result[T, E]) Err() E { return r.err }
