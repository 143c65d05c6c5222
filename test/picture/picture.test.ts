/** The README's picture is XML that shows what it says, and a run of text lands on its cells. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { terminalSvg } from '../../docs/terminal-svg.ts'

const root = resolve(import.meta.dirname, '../..')

/** The first fault of a document without DOCTYPE, CDATA or comments; null: it is well-formed. */
function faultOf(xml: string): string | null {
  const open: string[] = []
  let roots = 0
  const tag = /<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y
  for (let at = 0; at < xml.length; ) {
    const next = xml.indexOf('<', at)
    const text = xml.slice(at, next === -1 ? xml.length : next)
    if (/&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(text)) return `a bare & in "${text}"`
    if (open.length === 0 && text.trim() !== '') return `text outside: ${text}`
    if (next === -1) break
    tag.lastIndex = next
    const found = tag.exec(xml)
    if (!found) return `no tag: ${xml.slice(next, next + 60)}`
    const [whole, closing, name, attributes, empty] = found
    const names = [...attributes!.matchAll(/([\w:-]+)=/g)].map(([, one]) => one)
    if (new Set(names).size !== names.length) return `an attribute twice: ${whole}`
    if (/&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(attributes!)) return `a bare & in ${whole}`
    if (closing) {
      if (open.pop() !== name) return `</${name}> closes nothing`
    } else {
      if (open.length === 0) roots++
      if (!empty) open.push(name!)
    }
    at = next + whole.length
  }
  if (open.length > 0) return `<${open.at(-1)}> is not closed`
  return roots === 1 ? null : `${roots} roots`
}

it('knows what is not well-formed', () => {
  for (const xml of ['<a>', '<a></b>', '<a/><b/>', '<a>x & y</a>', '<a b="1" b="2"/>', 'x<a/>']) {
    expect(faultOf(xml), xml).not.toBeNull()
  }
  expect(faultOf('<a b="1"><c/>x &amp; y</a>\n')).toBeNull()
})

it('the picture in the README is XML and shows a canary that is watched', () => {
  const svg = readFileSync(join(root, 'docs/watch.svg'), 'utf8')
  expect(faultOf(svg)).toBeNull()
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!)
  for (const seen of ['shop-r2', 'STEP', 'WEIGHT', 'AGENT', 'skew', 'ledger', 'eu-1-a', 'us-1-b']) {
    expect(texts).toContain(seen)
  }
  expect(texts.join('\n')).toMatch(/50 %/)
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toMatch(
    /!\[[^\]]{40,}\]\(docs\/watch\.svg\)/,
  )
})

it('text is escaped, placed at its column, and has its colour', () => {
  const lines = ['a  \u001b[32mgood & <x>\u001b[39m  \u001b[1mb\u001b[22m']
  const svg = terminalSvg({ title: 'a & b', description: 'd', columns: 20, lines })
  expect(faultOf(svg)).toBeNull()
  expect(svg).toContain('x="16" y="60.25" textLength="8.4"')
  expect(svg).toContain('x="41.2"')
  expect(svg).toContain('fill="#56d364">good &amp; &lt;x&gt;</text>')
  expect(svg).toContain('font-weight="bold">b</text>')
})
