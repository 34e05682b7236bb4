package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatch(t *testing.T) {
	t.Run("an object is followed by its changes, merged", testObjectIsFollowedByItsChangesMerged)
	t.Run("a quiet stream has heartbeats", testQuietStreamHasHeartbeats)
	t.Run("a deleted object ends its stream", testDeletedObjectEndsItsStream)
	t.Run("a view that is closed ends its streams", testClosedViewEndsItsStreams)
	t.Run("a list is followed by the rows that change", testListIsFollowedByRowsThatChange)
	t.Run("a list of many objects is sent in parts", testListOfManyObjectsIsSentInParts)
	t.Run("a list has the objects of its namespaces", testListHasObjectsOfItsNamespaces)
	t.Run("an error of the client ends a stream", testErrorOfClientEndsStream)
}

func (e *env) watchObject(name string) func(context.Context, Send) error {
	return func(ctx context.Context, send Send) error { return e.view.WatchObject(ctx, "shop", name, send) }
}

func (e *env) watchList(namespaces ...string) func(context.Context, Send) error {
	return func(ctx context.Context, send Send) error { return e.view.WatchList(ctx, namespaces, send) }
}

func testObjectIsFollowedByItsChangesMerged(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := e.run("web")
		defer web.stop()
		web.source.level(150)
		synctest.Wait()
		all, err := watch(t, 3*time.Second, e.watchObject("web"), func() {
			for i := range 100 {
				web.source.level(float64(200 + i))
				<-time.After(10 * time.Millisecond)
			}
		})
		if !errors.Is(err, context.DeadlineExceeded) || len(all) < 5 || len(all) > 6 || !strings.HasPrefix(names(all), "snapshot×1 update×") {
			t.Fatalf("got %s, %v, want a snapshot and at most 4 updates a second", names(all), err)
		}
		first, last := decode[Object](t, all[0].data), decode[Object](t, all[len(all)-1].data)
		if first.Series == nil || *first.Sources[0].Level != 150 || last.Series != nil || *last.Sources[0].Level != 299 || *last.Replicas != 3 {
			t.Errorf("got %+v, then %+v, want 150 with the series, then 299 with 3 replicas", first.Sources[0], last.Sources[0])
		}
	})
}

func testQuietStreamHasHeartbeats(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := e.run("web")
		defer web.stop()
		web.source.level(150)
		synctest.Wait()
		for what, stream := range map[string]func(context.Context, Send) error{"object": e.watchObject("web"), "list": e.watchList()} {
			all, _ := watch(t, 22*time.Second, stream, nil)
			if names(all) != "snapshot×1 heartbeat×2 " {
				t.Errorf("%s: got %s, want a snapshot and a heartbeat every 10s", what, names(all))
			}
		}
	})
}

func testDeletedObjectEndsItsStream(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := e.run("web")
		defer web.stop()
		all, err := watch(t, time.Minute, e.watchObject("web"), func() { e.view.Forget(web.of) })
		if err != nil || names(all) != "snapshot×1 gone×1 " {
			t.Errorf("got %s, %v, want gone", names(all), err)
		}
		if _, err := watch(t, time.Minute, e.watchObject("web"), nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

func testClosedViewEndsItsStreams(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := e.run("web")
		defer web.stop()
		_, err := watch(t, time.Minute, e.watchObject("web"), e.view.Close)
		if !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}

func testListIsFollowedByRowsThatChange(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web, worker := e.run("web"), e.run("worker")
		web.source.level(150)
		worker.source.level(150)
		synctest.Wait()
		all, err := watch(t, 10*time.Second, e.watchList(), func() {
			for i := range 10 {
				web.source.level(float64(200 + i))
				worker.source.level(150) // Nothing that a list shows.
				<-time.After(100 * time.Millisecond)
			}
			pass(2 * time.Second)
			e.view.Forget(web.of)
			web.stop()
		})
		if !errors.Is(err, context.DeadlineExceeded) || names(all) != "snapshot×1 update×2 " && names(all) != "snapshot×1 update×3 " {
			t.Fatalf("got %s, %v, want a snapshot, and updates once a second", names(all), err)
		}
		first, changed, removed := decode[Rows](t, all[0].data), decode[Rows](t, all[1].data), decode[Rows](t, all[len(all)-1].data)
		if first.Total != 2 || len(first.Rows) != 2 || len(changed.Rows) != 1 || !strings.Contains(string(changed.Rows[0]), `"name":"web"`) {
			t.Errorf("got %s, then %s, want both, then web", all[0].data, all[1].data)
		}
		if removed.Total != 1 || len(removed.Removed) != 1 || removed.Removed[0] != "shop/web" {
			t.Errorf("got %s, want web removed", all[len(all)-1].data)
		}
		worker.stop()
	})
}

func testListOfManyObjectsIsSentInParts(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		const n = 2*chunk + 1
		for i := range n {
			e.view.Add(identity("shop", fmt.Sprintf("object-%04d", i)))
		}
		all, _ := watch(t, time.Second/2, e.watchList(), nil)
		if names(all) != "snapshot×1 update×2 " {
			t.Fatalf("got %s, want three parts", names(all))
		}
		rows := 0
		for _, one := range all {
			part := decode[Rows](t, one.data)
			if rows += len(part.Rows); part.Total != n {
				t.Errorf("got the total %d, want %d", part.Total, n)
			}
		}
		if rows != n {
			t.Errorf("got %d rows, want %d", rows, n)
		}
	})
}

func testListHasObjectsOfItsNamespaces(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		for _, namespace := range []string{"shop", "bank", "play"} {
			e.view.Add(identity(namespace, "web"))
		}
		for want, namespaces := range map[string][]string{"bank,play,shop": nil, "bank,shop": {"shop", "bank"}, "": {}} {
			text, err := e.view.List(namespaces)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range decode[Rows](t, text).Rows {
				got = append(got, decode[Row](t, row).Namespace)
			}
			if strings.Join(got, ",") != want {
				t.Errorf("%v: got %v, want %s", namespaces, got, want)
			}
		}
	})
}

func testErrorOfClientEndsStream(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := e.run("web")
		defer web.stop()
		gone := errors.New("the client is gone")
		for what, stream := range map[string]func(context.Context, Send) error{"object": e.watchObject("web"), "list": e.watchList()} {
			if err := stream(t.Context(), func(string, []byte) error { return gone }); !errors.Is(err, gone) {
				t.Errorf("%s: got %v, want the error of the client", what, err)
			}
		}
	})
}
