/** The little of a browser that client.ts uses: the compiler knows Node only. */

export interface Context {
  fillStyle: string
  globalAlpha: number
  strokeStyle: string
  lineWidth: number
  clearRect(x: number, y: number, width: number, height: number): void
  fillRect(x: number, y: number, width: number, height: number): void
  strokeRect(x: number, y: number, width: number, height: number): void
  setTransform(a: number, b: number, c: number, d: number, e: number, f: number): void
}

export interface Pointer {
  offsetX: number
  offsetY: number
  deltaY: number
  buttons: number
  pointerId: number
  key: string
  preventDefault(): void
}

export interface Element {
  id: string
  className: string
  textContent: string | null
  value: string
  hidden: boolean
  disabled: boolean
  tabIndex: number
  clientWidth: number
  clientHeight: number
  width: number
  height: number
  style: { left: string; top: string; background: string }
  append(...children: (Element | string)[]): void
  replaceChildren(...children: (Element | string)[]): void
  setAttribute(name: string, value: string): void
  setPointerCapture(pointer: number): void
  getContext(kind: '2d'): Context
  addEventListener(
    event: string, listener: (event: Pointer) => void, options?: { passive: boolean },
  ): void
}

export interface Browser {
  document: {
    documentElement: Element
    createElement(tag: string): Element
    getElementById(id: string): Element | null
    querySelectorAll(selector: string): Iterable<Element>
  }
  devicePixelRatio: number
  getComputedStyle(element: Element): { getPropertyValue(name: string): string }
  matchMedia(query: string): { addEventListener(event: 'change', listener: () => void): void }
  addEventListener(event: 'resize', listener: () => void): void
  requestAnimationFrame(draw: () => void): number
}
