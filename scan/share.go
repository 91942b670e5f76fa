package scan

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workers is how many goroutines share work at most: in the kernel they wait for the
// same directories, so that a third one gains nothing.
const workers = 2

// Share has the parts of a whole, numbered from 0, done by the caller and, where
// there are several and a processor for it, by a second goroutine at the same time.
// Each gets a worker of its own. It returns when all are done.
func Share(parts int, newWorker func() func(part int)) {
	var next atomic.Int64
	work := func() {
		do := newWorker()
		for part := next.Add(1) - 1; part < int64(parts); part = next.Add(1) - 1 {
			do(int(part))
		}
	}
	var wg sync.WaitGroup
	for range min(workers, runtime.GOMAXPROCS(0), parts) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
