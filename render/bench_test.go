package render

import "testing"

// BenchmarkSlot renders one slot from templates that are already parsed.
func BenchmarkSlot(b *testing.B) {
	set := Embedded()
	p := coder()
	p.Start = false
	b.ReportAllocs()
	for b.Loop() {
		if slot, _, err := set.Slot(p); err != nil || len(slot.Files) != 5 {
			b.Fatal(slot, err)
		}
	}
}

// BenchmarkFirstSlot reads and parses the embedded templates as well.
func BenchmarkFirstSlot(b *testing.B) {
	p := coder()
	b.ReportAllocs()
	for b.Loop() {
		if slot, _, err := Embedded().Slot(p); err != nil || len(slot.Files) != 4 {
			b.Fatal(slot, err)
		}
	}
}
