package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"slotgen/render/scandir"
)

// A service that was taken down is looked at every drainEvery.
const drainEvery = time.Second

// lastLock bounds how long a watch that ends waits for another pass: a container that
// stops does not wait longer.
const lastLock = 5 * time.Second

// hideTakenDown hides the services that the watch took down: nobody else knows of them,
// and one whose profile is back would stay down.
func (w *watch) hideTakenDown() error {
	if len(w.drain.Asked()) == 0 {
		return nil
	}
	dir, err := scandir.Open(w.Pass.Scandir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Lock(context.Background(), lastLock); err != nil {
		return err
	}
	w.drain.Keep(dir)
	w.drain.TakeNoMoreTime()
	return errors.Join(slices.Collect(maps.Values(w.drain.Step(context.Background(), dir, w.drain.Asked())))...)
}
