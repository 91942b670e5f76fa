package cli

import "github.com/urfave/cli/v2"

// view is what the commands status, scan and diff share.
type view struct {
	settings
	colours palette
	msg     messages
	out     *output
}

func readView(c *cli.Context, out *output, msg messages) (view, error) {
	s, err := readSettings(c, msg)
	if err != nil {
		return view{}, err
	}
	colours, err := newPalette(c.String("color"), out.w)
	if err != nil {
		return view{}, err
	}
	s.readRole()
	return view{settings: s, colours: colours, msg: msg, out: out}, nil
}

// slotPath returns the path of a service's slot. It returns "none" for no service.
func (v view) slotPath(service string) string {
	if service == "" {
		return "none"
	}
	return v.Scandir + "/" + service
}
