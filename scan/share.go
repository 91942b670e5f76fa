package scan

import "sync/atomic"

// share has the parts of a whole, numbered from 0, done by the caller and, where
// there are several, by a second goroutine at the same time. Each gets a worker of
// its own. It returns when all are done.
func share(parts int, newWorker func() func(part int)) {
	var next atomic.Int64
	work := func() {
		do := newWorker()
		for part := next.Add(1) - 1; part < int64(parts); part = next.Add(1) - 1 {
			do(int(part))
		}
	}
	if parts < 2 {
		work()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	work()
	<-done
}
