package scandir

import (
	"fmt"
	"testing"

	"slotgen/internal/testenv"
)

func BenchmarkPublishNewSlot(b *testing.B) {
	b.ReportAllocs()
	d, err := Open(testenv.MemDir(b), "gateway-")
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	s, o := slot("#!/bin/sh\n"), owners()
	for i := 0; b.Loop(); i++ {
		s.Service = fmt.Sprintf("gateway-p%d", i)
		if err := d.Publish(PlanNew(s, o)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompareEqualSlot(b *testing.B) {
	b.ReportAllocs()
	d, err := Open(testenv.MemDir(b), "gateway-")
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	s, o := slot("#!/bin/sh\n"), owners()
	if err := d.Publish(PlanNew(s, o)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if p, err := d.Plan(s, o); err != nil || p.Change != Unchanged {
			b.Fatal(p.Change, err)
		}
	}
}
