package page_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/test/page/stage"
)

func TestList(t *testing.T) {
	t.Run("values change as soon as a level does", testValuesChangeAsSoonAsLevelDoes)
	t.Run("objects appear and disappear", testObjectsAppearAndDisappear)
	t.Run("search, namespace and state filter, and the filters can be cleared", testFilters)
	t.Run("the keyboard reaches everything", testKeyboardReachesEverything)
	t.Run("of thousands of rows only the visible ones exist", testOnlyVisibleRowsExist)
	t.Run("a list without objects says what to do", testListWithoutObjectsSaysWhatToDo)
	t.Run("a phone shows the list without scrolling sideways", testPhoneShowsList)
}

// row returns the text of a row in the list, by a part of its text.
const rowWith = `[...document.querySelectorAll('.row:not([hidden])')].find((row) => row.innerText.includes(%s))`

func (b *tab) untilRow(name string, parts ...string) {
	b.t.Helper()
	find := strings.ReplaceAll(rowWith, "%s", quote(name))
	for _, part := range parts {
		b.until("the row "+name+" with "+part, find+"?.innerText.includes("+quote(part)+")")
	}
}

func testValuesChangeAsSoonAsLevelDoes(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Object("shop", "web", 1, 10), stage.Object("shop", "worker", 1, 10))
	s.Levels.Set("shop/web", 150)
	b := open(t, s.URL(), desk)
	b.untilText("#connection", "Live")
	b.untilRow("web", "Steady", "150/100", "1–10")
	s.Levels.Set("shop/web", 730)
	b.untilRow("web", "730/100", "8")
	s.Levels.Set("shop/web", 5000)
	b.untilRow("web", "Limited", "10", "to the maximum, 10")
	s.Levels.Fail("shop/web", "connection refused")
	b.untilRow("web", "Failing", "?/100", "connection refused", "10")
	b.untilRow("worker", "Waiting")
}

func testObjectsAppearAndDisappear(t *testing.T) {
	s := start(t, stage.Options{})
	b := open(t, s.URL(), desk)
	b.untilText("#main", "No ScaledObjects yet")
	s.Apply(stage.Object("shop", "web", 1, 10))
	b.untilRow("web", "shop")
	b.untilText(".count", "1 object")
	s.Delete("shop", "web")
	b.untilText("#main", "No ScaledObjects yet")
}

func testFilters(t *testing.T) {
	s := start(t, stage.Options{})
	paused := func(so *v1alpha1.ScaledObject) { so.Annotations = map[string]string{"impulse.sh/paused": "true"} }
	s.Apply(stage.Object("shop", "web", 1, 10), stage.Object("shop", "worker", 1, 10, paused), stage.Object("bank", "web", 1, 10))
	for _, name := range []string{"shop/web", "shop/worker", "bank/web"} {
		s.Levels.Set(name, 150)
	}
	b := open(t, s.URL(), desk)
	b.untilText(".count", "3 objects")
	b.untilText(".states", "Steady")
	b.do(chromedp.SendKeys(chromedp.CSS("input[type=search]"), "WEB"))
	b.untilText(".count", "2 of 3")
	b.do(chromedp.SetValue(chromedp.CSS("select"), "bank"))
	evaluate[bool](b, `document.querySelector('select').dispatchEvent(new Event('change'))`)
	b.untilText(".count", "1 of 3")
	b.do(chromedp.Click(chromedp.CSS(`.states [data-state=paused]`)))
	b.untilText("#main", "No object matches")
	b.press(kb.Escape)
	b.untilText(".count", "3 objects")
	b.do(chromedp.Click(chromedp.CSS(`.states [data-state=paused]`)))
	b.until("the paused object alone", `document.querySelector('.rows').innerText.includes('worker') && !document.querySelector('.rows').innerText.includes('web')`)
}

func testKeyboardReachesEverything(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Many(30)...)
	b := open(t, s.URL(), desk)
	b.untilText(".count", "30 objects")
	focus := func(what, expression string) {
		t.Helper()
		b.until("the focus on "+what, "(() => { const at = document.activeElement; return "+expression+" })()")
	}
	b.strike("/", "Slash")
	focus("the search", "at.type === 'search' && at.value === ''")
	b.press(kb.ArrowDown)
	focus("the first row", "at.innerText === 'service-0000'")
	for range 20 {
		b.press(kb.ArrowDown)
	}
	focus("row 21", "at.closest('.row').ariaRowIndex === '22' && at.getBoundingClientRect().bottom <= innerHeight")
	b.press(kb.Home)
	focus("the first row", "at.innerText === 'service-0000' && at.getBoundingClientRect().top > 84")
	b.press(kb.ArrowUp)
	focus("the search", "at.type === 'search'")
	b.press(kb.ArrowDown)
	b.press(kb.Enter)
	b.untilText("h1", "service-0000")
	b.press(kb.Escape)
	b.untilText(".count", "30 objects")
	order := evaluate[[]string](b, `[...document.querySelectorAll('a, button, input, select')].filter((e) => e.offsetParent && e.tabIndex >= 0).slice(0, 4).map((e) => e.textContent || e.type)`)
	if strings.Join(order, " ") != "Impulse Theme: system search All namespacesteam-0team-1team-2team-3team-4team-5team-6team-7team-8team-9" {
		t.Errorf("got the order of the focus %q", order)
	}
}

func testOnlyVisibleRowsExist(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Many(2000)...)
	b := open(t, s.URL(), desk)
	b.untilText(".count", "2000 objects")
	b.until("the first row", `document.querySelector('.row')`)
	if n := evaluate[int](b, `document.querySelectorAll('.row').length`); n < 10 || n > 60 {
		t.Errorf("got %d rows, want those that fit", n)
	}
	evaluate[bool](b, `(scrollTo(0, document.documentElement.scrollHeight), true)`)
	b.untilRow("service-1999", "team-9")
	b.do(chromedp.SendKeys(chromedp.CSS("input[type=search]"), "0777"))
	b.untilText(".count", "1 of 2000")
	b.untilRow("service-0777", "team-7")
	if n := evaluate[int](b, `document.querySelectorAll('.row').length`); n > 80 {
		t.Errorf("got %d elements of rows, want few", n)
	}
}

func testListWithoutObjectsSaysWhatToDo(t *testing.T) {
	b := open(t, start(t, stage.Options{}).URL(), desk)
	b.untilText("#main", "No ScaledObjects yet")
	b.untilText("#main", "kubectl apply -f")
}

func testPhoneShowsList(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(append(stage.Many(20), stage.Object("shop", strings.Repeat("long-name-", 6)+"x", 1, 1000))...)
	b := open(t, s.URL(), phone)
	b.untilText(".count", "21 objects")
	b.untilRow("service-0000", "team-0")
	if wide := evaluate[int](b, `document.documentElement.scrollWidth`); wide > int(phone.width) {
		t.Errorf("the list is %d wide, want %d at most", wide, phone.width)
	}
}
