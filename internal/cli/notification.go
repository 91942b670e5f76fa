package cli

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/message"
	"slotgen/render/scandir"
)

// warnOfOwnService warns when the service that runs slotgen is in the hands of another account.
// s6-supervise starts a program in its service directory.
func warnOfOwnService(msg messages) {
	dir, err := os.Getwd()
	if err != nil {
		return
	}
	if risk := scandir.ServiceRisk(dir); risk != "" {
		msg.print(message.Message{
			Level: message.Warning, Text: risk,
			Hint: "the service runs as root: run it from /etc/services.d instead (slotgen hook watch --out /etc/services.d/slotgen-watch)",
		})
	}
}

// openNotification takes over the descriptor on which s6-supervise waits for a newline
// (s6, "notifywhenup"). It returns a function that reports that the service is ready, or nil
// for 0, which means no descriptor.
func openNotification(fd int) (ready func() error, err error) {
	if fd == 0 {
		return nil, nil
	}
	if err := canNotify(fd); err != nil {
		return nil, withHint(fmt.Errorf("--notification-fd %d: %w", fd, err),
			"s6-supervise opens the one that the service's file notification-fd names")
	}
	f := os.NewFile(uintptr(fd), "notification")
	return func() error {
		_, err := f.Write([]byte("\n"))
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("reporting readiness: %w", err)
		}
		return nil
	}, nil
}

// canNotify returns an error unless the descriptor may come from s6-supervise. The Go
// runtime has descriptors of its own, but they have other types or can't be written to.
func canNotify(fd int) error {
	const firstFree = 3
	if fd < firstFree {
		return errors.New("less than 3")
	}
	st, err := fdio.StatOpen(fd)
	if err != nil {
		return err
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFIFO, unix.S_IFREG, unix.S_IFSOCK, unix.S_IFCHR:
		if flags&unix.O_ACCMODE != unix.O_RDONLY {
			return nil
		}
	}
	return errors.New("not open for writing")
}
