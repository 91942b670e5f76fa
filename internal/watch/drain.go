package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"slotgen/render/scandir"
)

// drainEvery is the time between two steps that drain a service.
const drainEvery = time.Second

// lastLock bounds the wait of an ending watch for the scandir's lock. A container that
// stops does not wait longer.
const lastLock = 5 * time.Second

// hideTakenDown hides the services that the watch took down. Only the watch knows them, and
// a visible one would stay down when its profile is back.
func (w *watch) hideTakenDown() error {
	if len(w.drain.Asked()) == 0 {
		return nil
	}
	dir, err := scandir.Open(w.Pass.Scandir, w.Pass.Layout.Prefix)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Lock(context.Background(), lastLock); err != nil {
		return err
	}
	w.drain.Keep(dir)
	w.drain.StopWaiting()
	return errors.Join(slices.Collect(maps.Values(w.drain.Step(context.Background(), dir, w.drain.Asked())))...)
}
