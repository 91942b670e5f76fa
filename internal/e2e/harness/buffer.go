package harness

import (
	"bytes"
	"sync"
)

// LockedBuffer is a buffer that one goroutine can read while another one writes to it.
type LockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends p to the buffer.
func (b *LockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns everything that was written to the buffer.
func (b *LockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
