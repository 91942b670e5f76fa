package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// maxUnread bounds the number of unread messages. A pass over the largest volume makes
// fewer before it unlocks the scandir.
const maxUnread = 1 << 14

// forever is the limit of an unbounded wait.
const forever time.Duration = 1<<63 - 1

// asyncWriter writes messages. A write waits for the reader, unless the writer is held.
// While it is held, messages go to a queue, and one goroutine writes them. The writer drops
// and counts the messages that do not fit into the queue.
type asyncWriter struct {
	w       io.Writer
	queue   chan []byte   // nil while nobody holds the writer
	written chan struct{} // closed after the last message of a closed queue
	lost    atomic.Int64
}

func (a *asyncWriter) Write(p []byte) (int, error) {
	if a.queue == nil {
		return a.w.Write(p)
	}
	select {
	case a.queue <- bytes.Clone(p):
	default:
		a.lost.Add(1)
	}
	return len(p), nil
}

// hold starts the queue. Nobody may hold the writer already.
func (a *asyncWriter) hold() {
	a.queue, a.written = make(chan []byte, maxUnread), make(chan struct{})
	go a.writeQueue(a.queue, a.written)
}

// release ends the hold. It waits, for at most limit, until all messages are written.
func (a *asyncWriter) release(limit time.Duration) {
	close(a.queue)
	a.queue = nil
	select {
	case <-a.written:
	case <-time.After(limit):
	}
}

func (a *asyncWriter) writeQueue(queue <-chan []byte, written chan<- struct{}) {
	defer close(written)
	for text := range queue {
		_, _ = a.w.Write(text) // there is no other place to report an error
		if len(queue) == 0 {
			a.reportLost()
		}
	}
	a.reportLost()
}

func (a *asyncWriter) reportLost() {
	if n := a.lost.Swap(0); n > 0 {
		_, _ = fmt.Fprintf(a.w, "slotgen: warning: %d messages lost: nobody read the ones before\n", n)
	}
}
