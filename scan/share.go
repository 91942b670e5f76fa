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
	processors := runtime.GOMAXPROCS(0)
	defer spareProcessor(parts, processors)()
	var next atomic.Int64
	work := func() {
		do := newWorker()
		for part := next.Add(1) - 1; part < int64(parts); part = next.Add(1) - 1 {
			do(int(part))
		}
	}
	var wg sync.WaitGroup
	for range min(workers, processors, parts) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// fewParts are not worth making a processor ready for.
const fewParts = 16

// spareProcessor gives the runtime one processor more than the workers occupy, until the
// returned function is called. With none to spare its monitor wakes every 20 µs, to take
// one away from each system call that lasts.
func spareProcessor(parts, processors int) (giveBack func()) {
	if parts <= fewParts || processors > workers {
		return func() {}
	}
	runtime.GOMAXPROCS(processors + 1)
	return func() { runtime.GOMAXPROCS(processors) }
}
