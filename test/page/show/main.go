// Command show serves the page over objects in memory, for work on the page: go -C test/page run ./show -objects 2000.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/test/page/stage"
)

func main() {
	objects := flag.Int("objects", 0, "number of further objects")
	address := flag.String("address", "127.0.0.1:8090", "address of the page")
	tokens := flag.String("tokens", "", "file of tokens")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *objects, *address, *tokens); err != nil {
		fmt.Fprintln(os.Stderr, "show:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, objects int, address, tokens string) error {
	dir, err := os.MkdirTemp("", "impulse-show-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := stage.Start(ctx, stage.Options{Dir: dir, Address: address, Tokens: tokens, Log: slog.Default()})
	if err != nil {
		return err
	}
	defer s.Close()
	if objects >= 0 {
		if err := examples(ctx, s); err != nil {
			return err
		}
	}
	many := stage.Many(max(objects, 0))
	s.Apply(many...)
	fmt.Println(s.URL())
	wobble(ctx, s, many)
	return nil
}

// examples applies an object for each state.
func examples(ctx context.Context, s *stage.Stage) error {
	annotated := func(name, value string) func(*v1alpha1.ScaledObject) {
		return func(so *v1alpha1.ScaledObject) { so.Annotations = map[string]string{name: value} }
	}
	most := int32(40)
	s.Apply(
		stage.Object("shop", "checkout", 2, 20, func(so *v1alpha1.ScaledObject) {
			so.Spec.Triggers = append(so.Spec.Triggers, v1alpha1.Trigger{
				Type: "alertmanager", Name: "slow", Metadata: map[string]v1alpha1.Scalar{"matchers": `{alertname="CheckoutSlow"}`, "replicas": "6"},
			}, v1alpha1.Trigger{
				Type: "cron", Name: "office", Metadata: map[string]v1alpha1.Scalar{"timezone": "Europe/Berlin", "start": "0 8 * * *", "end": "0 20 * * *", "desiredReplicas": "4"},
			})
			so.Spec.Shadow = &v1alpha1.Shadow{}
			so.Spec.Shadow.MaxReplicaCount = &most
		}),
		stage.Object("shop", "cart", 1, 10),
		stage.Object("shop", "search-with-a-name-that-is-longer-than-any-sensible-name-for-a-service", 1, 10),
		stage.Object("bank", "ledger", 1, 10, annotated("impulse.sh/paused", "true")),
		stage.Object("bank", "reports", 0, 5),
		stage.Object("bank", "statements", 1, 8, func(so *v1alpha1.ScaledObject) { so.Spec.DryRun = true }),
		stage.Object("bank", "invalid", 1, 8, func(so *v1alpha1.ScaledObject) {
			so.Spec.Triggers[0].Metadata["taget"] = "<b>HTML</b>"
		}),
	)
	s.Targets.Deny("bank", "reports", errors.Join(actuator.ErrForbidden, errors.New("write the scale of Deployment/reports: <img src=x onerror=alert(1)>")))
	return s.Fire(ctx, "shop", map[string]string{"alertname": "CheckoutSlow", "severity": "scale", "team": "<b>shop</b>"})
}

// wobble changes the levels until ctx is done.
func wobble(ctx context.Context, s *stage.Stage, many []*v1alpha1.ScaledObject) {
	began, tick := time.Now(), time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		t := time.Since(began).Seconds()
		s.Levels.Set("shop/checkout", 700+500*math.Sin(t/40)+rand.Float64()*60)
		s.Levels.Set("shop/cart", 1400)
		s.Levels.Set("shop/search-with-a-name-that-is-longer-than-any-sensible-name-for-a-service", 210)
		s.Levels.Set("bank/ledger", 300)
		s.Levels.Set("bank/reports", 250)
		s.Levels.Set("bank/statements", 420)
		if n%60 > 45 {
			s.Levels.Fail("shop/cart", "query http://prometheus:9090: connection refused")
		}
		for i, so := range many {
			if i%5 == n%5 {
				s.Levels.Set(so.Namespace+"/"+so.Name, 500+300*math.Sin(t/20+float64(i))+rand.Float64()*20)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
