package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxLate bounds what waits for its reader, in bytes.
const maxLate = 4 << 20

// forever is longer than anybody waits.
const forever = time.Duration(math.MaxInt64)

// lateWriter writes at once, and its caller waits for the reader. While somebody holds
// it nobody waits: where the reader is late, a goroutine writes, in order, and what is
// more than maxLate is lost and counted.
type lateWriter struct {
	w io.Writer

	mu      sync.Mutex
	holders int
	waiting []byte
	lost    int
	// written is closed when nothing waits any more. It is nil while nothing does.
	written chan struct{}
}

func (l *lateWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.written == nil && (l.holders == 0 || takes(l.w, len(p))) {
		return l.w.Write(p)
	}
	if len(l.waiting)+len(p) > maxLate {
		l.lost++
		return len(p), nil
	}
	l.waiting = append(l.waiting, p...)
	if l.written == nil {
		l.written = make(chan struct{})
		go l.writeWaiting()
	}
	return len(p), nil
}

// takes tells whether a write does not wait. A pipe that can be written to has room for
// PIPE_BUF bytes (pipe(7)).
func takes(w io.Writer, size int) bool {
	const pipeBuf = 4096
	f, ok := w.(*os.File)
	if !ok || size > pipeBuf {
		return !ok
	}
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLOUT}}, 0)
	return n > 0 && err == nil
}

func (l *lateWriter) writeWaiting() {
	for text := l.take(); len(text) > 0; text = l.take() {
		_, _ = l.w.Write(text) // as everywhere: there is nobody left to tell
	}
}

// take returns what waits, or ends the waiting.
func (l *lateWriter) take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.waiting
	if l.lost > 0 {
		text = fmt.Appendf(text, "slotgen: warning: %d messages lost: nobody read the ones before\n", l.lost)
	}
	l.waiting, l.lost = nil, 0
	if len(text) == 0 {
		close(l.written)
		l.written = nil
	}
	return text
}

func (l *lateWriter) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holders++
}

// release ends one hold. The last one waits until all is written, for at most limit.
func (l *lateWriter) release(limit time.Duration) {
	l.mu.Lock()
	l.holders--
	held, written := l.holders > 0, l.written
	l.mu.Unlock()
	if held || written == nil {
		return
	}
	select {
	case <-written:
	case <-time.After(limit):
	}
}
