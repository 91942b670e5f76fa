package stop

import (
	"testing"

	"slotgen/internal/e2e/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
