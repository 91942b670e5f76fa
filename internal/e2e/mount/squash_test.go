package mount

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"slotgen/internal/asuser"
	"slotgen/internal/testenv"
)

// squashed is a file or directory of a FUSE server that decides by the caller's uid, as an
// NFS server with root_squash does: root counts as another user.
type squashed struct {
	fs.LoopbackNode
	anon int
}

// mountSquashed shows a directory at target. The server takes root for the user anon.
func mountSquashed(t *testing.T, dir, target string, anon int) {
	t.Helper()
	testenv.NeedRoot(t, "mounts a file system")
	data := &fs.LoopbackRoot{Path: dir}
	root := &squashed{fs.LoopbackNode{RootData: data}, anon}
	data.RootNode = root
	var never time.Duration // nobody profits from what another may see
	server, err := fs.Mount(target, root, &fs.Options{
		EntryTimeout: &never, AttrTimeout: &never,
		MountOptions: fuse.MountOptions{AllowOther: true, DirectMountStrict: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
}

// WrapChild makes every file below behave as this one.
func (n *squashed) WrapChild(context.Context, fs.InodeEmbedder) fs.InodeEmbedder {
	return &squashed{fs.LoopbackNode{RootData: n.RootData}, n.anon}
}

// as runs an operation with the credentials of the caller.
func (n *squashed) as(ctx context.Context, operation func() syscall.Errno) syscall.Errno {
	caller, known := fuse.FromContext(ctx)
	if !known {
		return syscall.EIO
	}
	uid, gid := int(caller.Uid), int(caller.Gid)
	if uid == 0 {
		uid, gid = n.anon, n.anon
	}
	errno := syscall.EIO
	if err := asuser.New(uid, gid, nil).Do(func() { errno = operation() }); err != nil {
		return syscall.EIO
	}
	return errno
}

func (n *squashed) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (found *fs.Inode, errno syscall.Errno) {
	errno = n.as(ctx, func() (errno syscall.Errno) {
		found, errno = n.LoopbackNode.Lookup(ctx, name, out)
		return errno
	})
	return found, errno
}

func (n *squashed) Open(ctx context.Context, flags uint32) (f fs.FileHandle, fuseFlags uint32, errno syscall.Errno) {
	errno = n.as(ctx, func() (errno syscall.Errno) {
		f, fuseFlags, errno = n.LoopbackNode.Open(ctx, flags)
		return errno
	})
	return f, fuseFlags, errno
}

func (n *squashed) OpendirHandle(ctx context.Context, flags uint32) (f fs.FileHandle, fuseFlags uint32, errno syscall.Errno) {
	errno = n.as(ctx, func() (errno syscall.Errno) {
		f, fuseFlags, errno = n.LoopbackNode.OpendirHandle(ctx, flags)
		return errno
	})
	return f, fuseFlags, errno
}

func (n *squashed) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (made *fs.Inode, f fs.FileHandle, fuseFlags uint32, errno syscall.Errno) {
	errno = n.as(ctx, func() (errno syscall.Errno) {
		made, f, fuseFlags, errno = n.LoopbackNode.Create(ctx, name, flags, mode, out)
		return errno
	})
	return made, f, fuseFlags, errno
}

func (n *squashed) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (made *fs.Inode, errno syscall.Errno) {
	errno = n.as(ctx, func() (errno syscall.Errno) {
		made, errno = n.LoopbackNode.Mkdir(ctx, name, mode, out)
		return errno
	})
	return made, errno
}

func (n *squashed) Unlink(ctx context.Context, name string) syscall.Errno {
	return n.as(ctx, func() syscall.Errno { return n.LoopbackNode.Unlink(ctx, name) })
}

func (n *squashed) Rename(ctx context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	return n.as(ctx, func() syscall.Errno { return n.LoopbackNode.Rename(ctx, name, to, newName, flags) })
}

func (n *squashed) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return n.as(ctx, func() syscall.Errno { return n.LoopbackNode.Setattr(ctx, f, in, out) })
}
