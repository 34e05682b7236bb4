package chaos

import (
	"context"
	"errors"
	"net"
	"testing"
)

// gossip is the wire on which the other Alertmanagers reach one: TCP and UDP on one port.
type gossip struct {
	*wire

	packets net.PacketConn
}

// newGossip makes a wire to the cluster address of an Alertmanager.
func newGossip(t *testing.T, to string) *gossip {
	t.Helper()
	var (
		config net.ListenConfig
		failed error
	)
	for range 20 { // A port that is free for TCP may be in use for UDP.
		g := &gossip{wire: newWire(t, to)}
		if g.packets, failed = config.ListenPacket(t.Context(), "udp", g.address()); failed != nil {
			continue
		}
		g.all.Go(func() { g.forward(g.ctx) })
		t.Cleanup(func() { _ = g.packets.Close() })
		return g
	}
	t.Fatal(failed)
	return nil
}

// forward forwards packets while the wire works; others are lost, as packets are.
func (g *gossip) forward(ctx context.Context) {
	out, err := new(net.Dialer).DialContext(ctx, "udp", g.to)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := g.packets.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if s, _, _ := g.get(); err == nil && s == passing {
			_, _ = out.Write(buffer[:n]) // Without a listener the packet is lost.
		}
	}
}
