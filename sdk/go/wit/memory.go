// Package wit is what the generated bindings in contract stand on: memory that the gateway writes to, handles, and
// WIT's own types. Policies have no use for it.
package wit

import (
	"runtime"
	"unsafe"
)

// lent keeps alive what cabi_realloc has handed out until the phase is over: the gateway's values are built in it, and
// the collector sees no pointer to it before the bindings have made one.
var lent []unsafe.Pointer

// Release lets the collector have what came from the gateway during a phase, as far as nobody holds it.
func Release() {
	clear(lent)
	lent = lent[:0]
}

// Unpin is what the bindings call after they have taken an export's arguments. Release does it at the end of a phase.
func Unpin() {}

// Allocate makes memory that stays until the pinner lets go.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	pointer := allocate(size, align)
	if pointer != nil {
		pinner.Pin(pointer)
	}
	return pointer
}

func allocate(size, align uintptr) unsafe.Pointer {
	switch {
	case size == 0:
		return nil
	case align == 1:
		return unsafe.Pointer(unsafe.SliceData(make([]byte, size)))
	case align <= 8:
		return unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	default:
		panic("an alignment that no type of the contract has")
	}
}

// The adapter to WASI 0.2 asks for its memory while Go's runtime is about to start, when there is no heap yet: a page
// for its state and one for its stack.
var (
	early     [3 << 16]byte
	earlyUsed uintptr
	heapIsUp  bool
)

func init() { heapIsUp = true }

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if !heapIsUp {
		return earlyMemory(align, size)
	}
	pointer := allocate(size, align)
	if pointer == nil {
		// No bytes: where they are doesn't matter, but it must be aligned.
		return unsafe.Pointer(align)
	}
	if old != nil {
		copy(unsafe.Slice((*byte)(pointer), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	}
	lent = append(lent, pointer)
	return pointer
}

//go:nosplit
func earlyMemory(align, size uintptr) unsafe.Pointer {
	base := uintptr(unsafe.Pointer(&early))
	start := (base + earlyUsed + align - 1) &^ (align - 1)
	if start+size > base+uintptr(len(early)) {
		return nil
	}
	earlyUsed = start + size - base
	return unsafe.Pointer(start)
}
