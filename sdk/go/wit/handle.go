package wit

// Handle is the gateway's number of a message. It is lent for a phase: the gateway refuses it afterwards.
type Handle struct {
	number int32
}

// MakeHandle wraps a number, which is never 0.
func MakeHandle(number int32) *Handle { return &Handle{number} }

// Use is the number.
func (h *Handle) Use() int32 {
	if h.number == 0 {
		panic("a message was used that had been given away")
	}
	return h.number
}

// Set puts a number into an empty handle.
func (h *Handle) Set(number int32) { h.number = number }

// Take is the number, which the handle has no more.
func (h *Handle) Take() int32 {
	number := h.Use()
	h.number = 0
	return number
}

// TakeOrNil is Take, or 0 if the handle is empty.
func (h *Handle) TakeOrNil() int32 {
	number := h.number
	h.number = 0
	return number
}
