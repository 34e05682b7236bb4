package page_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/test/page/stage"
)

func TestObject(t *testing.T) {
	t.Run("an object is shown with its reasons, and changes live", testObjectIsShownWithItsReasons)
	t.Run("alerts, the shadow policy and what would change it are shown", testAlertsAndShadowAreShown)
	t.Run("times in sentences are in the zone of the browser, as all others", testTimesInSentencesAreInZoneOfBrowser)
	t.Run("a count that cannot be written says why", testCountThatCannotBeWrittenSaysWhy)
	t.Run("HTML in labels, messages and names is text", testHTMLIsText)
	t.Run("an object that does not exist, or is deleted, says so", testObjectThatDoesNotExistSaysSo)
	t.Run("a phone shows the object without scrolling sideways", testPhoneShowsObject)
}

func testObjectIsShownWithItsReasons(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Object("shop", "web", 1, 10))
	s.Levels.Set("shop/web", 150)
	b := open(t, s.URL()+"#/shop/web", desk)
	b.untilText("h1", "web")
	b.untilText(".why", "Impulse keeps 2 replicas.")
	b.until("a chart", `document.querySelector('.chart canvas')`)
	s.Levels.Set("shop/web", 730)
	b.untilText(".why", "Impulse keeps 8 replicas.")
	b.untilText(".triggers", "730")
	b.untilText(".history", "2 → 8")
	b.untilText(".chart .key", "replicas 8")
	s.Levels.Set("shop/web", 120)
	b.untilText(".why", "scale-down window")
	b.untilText(".next", "8 → 2")
	b.untilText(".object-title", "Limited")
	b.untilText(".object", "held back by stabilization")
	s.Levels.Fail("shop/web", "connection refused")
	b.untilText(".triggers", "connection refused")
	b.untilText(".chart:last-child .held", "the level was unknown")
	b.do(chromedp.Click(chromedp.CSS(".windows button:nth-child(4)")))
	b.until("the chosen time", `document.querySelector('.windows button:nth-child(4)').ariaPressed === 'true'`)
}

func testTimesInSentencesAreInZoneOfBrowser(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Object("shop", "web", 1, 10))
	s.Levels.Set("shop/web", 730)
	b := open(t, s.URL(), desk)
	if _, err := chromedp.Call(b.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kathmandu"}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(s.URL() + "#/shop/web"))
	b.untilText(".why", "Impulse keeps 8 replicas.")
	s.Levels.Set("shop/web", 120)
	b.untilText(".why", "scale-down window")
	// The end of the window stands in the sentence, and behind it as a time of its own.
	b.until("the same time twice", `(() => {
		const times = document.querySelector('.why .steps li:last-child').innerText.match(/\d\d:\d\d:\d\d/g);
		return times.length === 2 && times[0] === times[1];
	})()`)
}

func testAlertsAndShadowAreShown(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Object("shop", "web", 1, 10, func(so *v1alpha1.ScaledObject) {
		so.Spec.Triggers = append(so.Spec.Triggers, v1alpha1.Trigger{
			Type: "alertmanager", Name: "slow", Metadata: map[string]v1alpha1.Scalar{"matchers": `{alertname="Slow"}`, "replicas": "6"},
		})
		most := int32(4)
		so.Spec.Shadow = &v1alpha1.Shadow{MaxReplicaCount: &most}
	}))
	s.Levels.Set("shop/web", 150)
	b := open(t, s.URL()+"#/shop/web", desk)
	b.untilText(".why", "Impulse keeps 2 replicas.")
	if err := s.Fire(t.Context(), "shop", map[string]string{"alertname": "Slow", "pod": "web-1"}); err != nil {
		t.Fatal(err)
	}
	b.untilText(".alerts", "Slow")
	b.untilText(".alerts", "pod=web-1")
	b.untilText(".why", "Impulse keeps 6 replicas.")
	b.untilText(".shadow", "The shadow policy would have 2 replicas fewer.")
	b.untilText(".next", "no alert fires any longer")
}

func testCountThatCannotBeWrittenSaysWhy(t *testing.T) {
	s := start(t, stage.Options{})
	s.Targets.Deny("shop", "web", fmt.Errorf("write the scale: %w", actuator.ErrForbidden))
	s.Apply(stage.Object("shop", "web", 1, 10))
	s.Levels.Set("shop/web", 450)
	b := open(t, s.URL()+"#/shop/web", desk)
	b.untilText(".object-state", "Forbidden")
	b.untilText(".why", "would go from 1 to 5 replicas, and stays at 1")
	b.untilText(".history", "not written: Forbidden")
	b.untilText(".chart .held", "the count could not be written")
}

func testHTMLIsText(t *testing.T) {
	const html = `<img src=x onerror="window.injected=1"><script>window.injected=1</script><b id=injected>`
	s := start(t, stage.Options{})
	s.Apply(stage.Object("shop", "web", 1, 10, func(so *v1alpha1.ScaledObject) {
		so.Spec.Triggers[0].Name = "<i id=injected>name"
		so.Spec.Triggers = append(so.Spec.Triggers, v1alpha1.Trigger{
			Type: "alertmanager", Name: "slow", Metadata: map[string]v1alpha1.Scalar{"matchers": `{alertname=~".+"}`, "replicas": "6"},
		})
	}), stage.Object("shop", "invalid", 1, 10, func(so *v1alpha1.ScaledObject) {
		so.Spec.Triggers[0].Metadata[html] = html
	}))
	s.Levels.Fail("shop/web", html)
	if err := s.Fire(t.Context(), "shop", map[string]string{"alertname": html, html: html}); err != nil {
		t.Fatal(err)
	}
	b := open(t, s.URL(), desk)
	b.untilRow("web", "<img src=x")
	b.untilRow("invalid", "<img src=x")
	for name, parts := range map[string][]string{"web": {".triggers", ".alerts", ".conditions", ".object-state"}, "invalid": {".object-state", ".why"}} {
		b.do(chromedp.Navigate(s.URL() + "#/shop/" + name))
		b.untilText("h1", name)
		for _, part := range parts {
			b.untilText(part, "<img src=x")
		}
		if n := evaluate[int](b, `document.querySelectorAll('main img, main script, #injected').length + (window.injected ?? 0)`); n > 0 {
			t.Errorf("%s: %d elements are not text", name, n)
		}
	}
}

func testObjectThatDoesNotExistSaysSo(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Object("shop", "web", 1, 10))
	b := open(t, s.URL()+"#/shop/nobody", desk)
	b.untilText("#main", "There is no such ScaledObject")
	b.do(chromedp.Click(chromedp.CSS("#main a")))
	b.untilRow("web", "shop")
	b.do(chromedp.Click(chromedp.CSS(".row a")))
	b.untilText("h1", "web")
	b.until("the object", `!document.querySelector('.loading')`)
	s.Delete("shop", "web")
	b.untilText(".object", "This object was deleted")
}

func testPhoneShowsObject(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Object("shop", "web", 1, 10))
	s.Levels.Set("shop/web", 150)
	b := open(t, s.URL()+"#/shop/web", phone)
	b.untilText(".why", "Impulse keeps 2 replicas.")
	b.until("a chart", `document.querySelector('.chart canvas')`)
	if wide := evaluate[int](b, `document.documentElement.scrollWidth`); wide > int(phone.width) {
		t.Errorf("the object is %d wide, want %d at most", wide, phone.width)
	}
}
