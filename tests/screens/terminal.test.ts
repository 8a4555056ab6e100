import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { spansOf, terminalSvg } from './terminal.js'

const test = suite('pictures of a terminal')

test('colours begin and end, other sequences are left out', () => {
  const [line, next] = spansOf('a \u001b[?25l\u001b[1;32mgreen\u001b[39m bold\u001b[0m\r\nplain\n')
  assert.equal(line!.map(({ text, bold }) => [text, bold]),
    [['a ', false], ['green', true], [' bold', true]])
  assert.is(line![1]!.colour, '#3fb950')
  assert.equal(next, [{ text: 'plain', colour: '#d0d7de', bold: false }])
})

test('markup is text, and what is too long is cut', () => {
  const svg = terminalSvg('x <y>', 'a & b\nb\nc', 80, 2)
  assert.match(svg, /x &lt;y&gt;[^]*a &amp; b[^]*…/)
  assert.not.match(svg, />c</)
})

test.run()
