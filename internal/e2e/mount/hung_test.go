package mount

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// hung is a file or directory of a FUSE server that finds no state before it is released.
type hung struct {
	fs.LoopbackNode
	released <-chan struct{}
}

// WrapChild makes every file below behave as this one.
func (n *hung) WrapChild(context.Context, fs.InodeEmbedder) fs.InodeEmbedder {
	return &hung{fs.LoopbackNode{RootData: n.RootData}, n.released}
}

func (n *hung) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if name == "gateway_state.json" {
		<-n.released
	}
	return n.LoopbackNode.Lookup(ctx, name, out)
}

func TestPassNamesThePathThatItWaitsFor(t *testing.T) {
	t.Parallel()
	testenv.NeedRoot(t, "mounts a file system")
	testenv.NeedTime(t, "waits for a slow volume")
	volume, home, service := newVolume(t), harness.UsersDir(t), t.TempDir()
	released := make(chan struct{})
	data := &fs.LoopbackRoot{Path: volume}
	root := &hung{fs.LoopbackNode{RootData: data}, released}
	data.RootNode = root
	server, err := fs.Mount(home, root, &fs.Options{MountOptions: fuse.MountOptions{AllowOther: true, DirectMountStrict: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	messages := filepath.Join(t.TempDir(), "stderr")
	stderr := harness.CreateFile(t, messages)
	defer stderr.Close()
	pass := exec.Command(harness.SlotgenBinary(t), "reconcile", "--home", home, "--scandir", service, "--user", "10000:10000", "--proc", t.TempDir())
	pass.Stderr = stderr
	if err := pass.Start(); err != nil {
		t.Fatal(err)
	}
	want := `slotgen: warning: still waiting for "` + home + `/gateway_state.json" after 1`
	testenv.WaitFor(t, "a warning", func() bool { return strings.Contains(harness.ReadText(t, messages), want) })
	close(released)
	if err := pass.Wait(); err != nil || !harness.Exists(service+"/gateway-coder/run") {
		t.Errorf("after the volume answers: %v\n%s", err, harness.ReadText(t, messages))
	}
}
