import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LANGUAGES as IN_CRD } from '../../../crds/schema/route-match-signals.ts';
import { endpointAt } from '../../../sidecar/dialects/registry.ts';
import { buildFacts } from '../../../sidecar/routing/facts.ts';
import { claimValues, readClaims } from '../../../sidecar/signals/claims.ts';
import { classificationOf } from '../../../sidecar/signals/classification.ts';
import { contentWords, readContent } from '../../../sidecar/signals/content.ts';
import { FEATURES, readDifficulty } from '../../../sidecar/signals/difficulty.ts';
import { detectLanguage } from '../../../sidecar/signals/language/detect.ts';
import { LANGUAGES } from '../../../sidecar/snapshot/languages.ts';

const PLAIN = { turns: 1, tools: false };
const NOTHING = { code: 0, math: 0 };

describe('content', () => {
  const wordsOf = (text: string) => {
    const reading = readContent(text);
    return reading.known ? contentWords(reading.value) : undefined;
  };

  it.each([
    ['Why does this fail?\n```python\nprint(sum(xs))\n```', ['Code']],
    ['const a = items.map((x) => x.id);\nreturn a.length;', ['Code']],
    ['What is wrong with SELECT id, name FROM users WHERE id = 4', ['Code']],
    ['Traceback (most recent call last):\n  File "a.py", line 3, in <module>\nValueError: x', ['Code']],
    ['Solve x^2 - 5x + 6 = 0 and sketch f(x) = x^2', ['Math']],
    ['Find \\int_0^1 x^2 dx and \\frac{d}{dx} of it', ['Math']],
    ['Show that the eigenvalues of this matrix are real; use the theorem', ['Math']],
    ['Where is my order? I bought two lamps (white), and one is missing.', []],
    ['Please write an email: dear Ms Lee, thank you for the offer; we will get back to you.', []],
  ])('of %j', (text, expected) => {
    expect(wordsOf(text)).toEqual(expected);
  });

  it('is a score of 0 to 100 whatever the text is', () => {
    fc.assert(
      fc.property(
        fc
          .array(fc.constantFrom('a', ';\n', '$x$', '```', 'f(x) = ', ' 3 + ', '中', '\n'), { maxLength: 60 })
          .map((units) => units.join('')),
        (text) => {
          const reading = readContent(text);
          expect(
            reading.known && [reading.value.code, reading.value.math].every((one) => one >= 0 && one <= 100),
          ).toBe(true);
          expect(readContent(text)).toEqual(reading);
        },
      ),
    );
  });
});

describe('difficulty', () => {
  const score = (text: string, content = NOTHING, facts = PLAIN) => {
    const reading = readDifficulty(text, content, facts);
    return reading.known ? reading.value : Number.NaN;
  };

  it('is low for a question of one look and high for a task of many steps', () => {
    expect(score('What is the capital of Peru?')).toBeLessThan(5);
    expect(
      score(
        'Design a cache that must never serve stale data, evaluate the trade-offs, and prove why at most one writer can win. First list the steps, then finally show the complexity.',
      ),
    ).toBeGreaterThan(40);
  });

  it('says what it is made of', () => {
    expect(readDifficulty('Prove it without induction.', NOTHING, PLAIN)).toMatchObject({
      said: `difficulty ${FEATURES.thinking.each + FEATURES.constraints.each} (thinking 12, constraints 6)`,
    });
  });

  it('counts code, math, turns and tools', () => {
    const base = score('Look at this');
    expect(score('Look at this', { code: 60, math: 60 })).toBe(
      base + FEATURES.code.most + FEATURES.math.most,
    );
    expect(score('Look at this', NOTHING, { turns: 4, tools: true })).toBe(base + 3 + FEATURES.tools.most);
  });

  it('stays within its bounds, and no feature exceeds its own', () => {
    const word = fc.constantFrom('prove', 'must', 'then', 'translate', 'the', '?', '1.', '\n', 'why');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 400 }), fc.nat(100), fc.boolean(), (list, turns, tools) => {
        const value = score(list.join(' '), { code: 100, math: 0 }, { turns, tools });
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(100);
      }),
    );
  });
});

describe('language', () => {
  it.each([
    ['en', 'Please summarise this report for me.'],
    ['de', 'Ich habe mein Passwort vergessen.'],
    ['fr', 'Pouvez-vous résumer ce rapport ?'],
    ['es', '¿Cómo puedo cambiar mi contraseña?'],
    ['pt', 'Onde está o meu pedido?'],
    ['it', 'Puoi riassumere questo rapporto per me?'],
    ['nl', 'Waar is mijn bestelling?'],
    ['sv', 'Hur ändrar jag mitt lösenord?'],
    ['da', 'Hvordan ændrer jeg min adgangskode? Jeg vil gerne bruge noget andet.'],
    ['no', 'Hva er fordelene, og hvorfor kan dere ikke sende den til meg?'],
    ['fi', 'Miten voin vaihtaa salasanani?'],
    ['pl', 'Gdzie jest moje zamówienie?'],
    ['cs', 'Jak mohu změnit heslo?'],
    ['sk', 'Ako môžem zmeniť heslo?'],
    ['hu', 'Hol van a rendelésem?'],
    ['ro', 'Cum pot să îmi schimb parola?'],
    ['tr', 'Şifremi nasıl değiştirebilirim?'],
    ['id', 'Di mana pesanan saya?'],
    ['vi', 'Đơn hàng của tôi đang ở đâu?'],
    ['ru', 'Как мне изменить пароль?'],
    ['uk', 'Як мені змінити пароль?'],
    ['bg', 'Къде е моята поръчка?'],
    ['el', 'Πού είναι η παραγγελία μου;'],
    ['ar', 'كيف أغير كلمة المرور؟'],
    ['fa', 'چگونه رمز عبور خود را تغییر دهم؟'],
    ['he', 'איפה ההזמנה שלי?'],
    ['hi', 'मेरा ऑर्डर कहाँ है?'],
    ['bn', 'আমার অর্ডার কোথায়?'],
    ['ta', 'எனது ஆர்டர் எங்கே?'],
    ['te', 'నా ఆర్డర్ ఎక్కడ ఉంది?'],
    ['th', 'คำสั่งซื้อของฉันอยู่ที่ไหน'],
    ['ko', '제 주문은 어디에 있나요?'],
    ['ja', 'この報告書を要約してください。'],
    ['zh', '请总结这份报告。'],
  ])('%s', (code, text) => {
    expect(detectLanguage(text)).toMatchObject({ known: true, value: code });
  });

  it.each(['', '42', 'ok', 'xyzzy plugh qwertz', '🧾🧾'])('is unknown of %j', (text) => {
    expect(detectLanguage(text).known).toBe(false);
  });

  it('has the same list in the resource and in the sidecar', () => {
    expect([...IN_CRD]).toEqual([...LANGUAGES]);
  });
});

describe('claims', () => {
  const jwt = (payload: unknown) =>
    `h.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.no-signature-is-checked`;
  const valuesOf = (sent: string | undefined, format: 'JWT' | 'JSON', path: string[]) => {
    const claims = readClaims(sent, format);
    return claims.known ? claimValues(claims.value, path) : claims.why;
  };

  it.each([
    [`Bearer ${jwt({ tier: 'gold' })}`, 'JWT', ['tier'], ['gold']],
    [
      jwt({ realm: { roles: ['a', 'b', 3, true, null, {}] } }),
      'JWT',
      ['realm', 'roles'],
      ['a', 'b', '3', 'true'],
    ],
    [jwt({ tier: 'gold' }), 'JWT', ['tier', 'x'], []],
    [jwt({}), 'JWT', ['constructor'], []],
    ['{"https://example.com/tier":"free"}', 'JSON', ['https://example.com/tier'], ['free']],
    [Buffer.from('{"tier":2}').toString('base64'), 'JSON', ['tier'], ['2']],
    [undefined, 'JWT', ['tier'], []],
    ['sk-not-a-token', 'JWT', ['tier'], 'the header holds no JWT'],
    ['a.!!.c', 'JWT', ['tier'], 'the header holds no JWT'],
    ['[1]', 'JSON', ['tier'], 'the header holds no JSON object'],
    [`{"a":"${'x'.repeat(20_000)}"}`, 'JSON', ['a'], 'claims are longer than 16384 characters'],
  ] as [string | undefined, 'JWT' | 'JSON', string[], string[] | string][])(
    'of %j',
    (sent, format, path, expected) => {
      expect(valuesOf(sent, format, path)).toEqual(expected);
    },
  );

  it('are read or refused, whatever is sent', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 200 }),
        fc.constantFrom('JWT' as const, 'JSON' as const),
        (sent, format) => {
          const claims = readClaims(sent, format);
          expect(typeof (claims.known ? claimValues(claims.value, ['a']) : claims.why)).not.toBe('undefined');
        },
      ),
    );
  });
});

describe('the label of a request', () => {
  const header = (value: string | undefined) => ({
    header: (name: string) => (name === 'x-class' ? value : undefined),
  });
  it.each([
    ['Confidential', 'confidential'],
    [' secret ', 'secret'],
    [undefined, 'internal'],
    ['', 'internal'],
    // Nobody can list these, so what asks for a label holds for none of them.
    ['a, b', '_unreadable'],
    ['x'.repeat(64), '_unreadable'],
    ['_unreadable', '_unreadable'],
  ])('of %j is %j', (sent, expected) => {
    expect(classificationOf({ header: 'x-class', unset: 'internal' }, header(sent))).toBe(expected);
  });

  it('is none without one for requests that carry none', () => {
    expect(classificationOf({ header: 'x-class' }, header(undefined))).toBeUndefined();
  });
});

describe('reasoning', () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  const asked = (path: string, body: object) => {
    const resolution = endpointAt(path);
    if (resolution?.kind !== 'Endpoint') throw new Error('not an endpoint');
    const { dialect } = resolution.endpoint;
    const written = Buffer.from(JSON.stringify({ model: 'm', ...body }));
    return buildFacts({
      method: 'POST',
      path,
      rawHeaders: [],
      dialect,
      envelope: dialect.readRequest(written),
    }).reasoning;
  };

  it.each([
    ['/v1/chat/completions', { messages }, false],
    ['/v1/chat/completions', { messages, reasoning_effort: 'high' }, true],
    ['/v1/chat/completions', { messages, reasoning_effort: 'minimal' }, false],
    ['/v1/chat/completions', { messages, reasoning_effort: null }, false],
    ['/v1/chat/completions', { messages, reasoning: { max_tokens: 2000 } }, true],
    ['/v1/responses', { input: 'Hi', reasoning: { effort: 'low', summary: 'auto' } }, true],
    ['/v1/responses', { input: 'Hi', reasoning: { effort: 'none' } }, false],
    ['/v1/messages', { max_tokens: 9, messages, thinking: { type: 'enabled', budget_tokens: 1024 } }, true],
    ['/v1/messages', { max_tokens: 9, messages, thinking: { type: 'adaptive' } }, true],
    ['/v1/messages', { max_tokens: 9, messages, thinking: { type: 'disabled' } }, false],
    ['/v1/messages', { max_tokens: 9, messages, output_config: { effort: 'high' } }, true],
  ])('%s %j: %j', (path, body, expected) => {
    expect(asked(path, body)).toBe(expected);
  });

  it('cannot be told of a member that occurs twice', () => {
    const dialect = endpointAt('/v1/chat/completions');
    if (dialect?.kind !== 'Endpoint') throw new Error('not an endpoint');
    const body = Buffer.from(
      '{"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"low","reasoning_effort":"none"}',
    );
    const facts = buildFacts({
      method: 'POST',
      path: dialect.path,
      rawHeaders: [],
      dialect: dialect.endpoint.dialect,
      envelope: dialect.endpoint.dialect.readRequest(body),
    });
    expect(() => facts.reasoning).toThrow('reasoning_effort');
  });
});

describe('the guide', () => {
  it('publishes the points of difficulty', () => {
    const guide = readFileSync(new URL('../../../docs/guides/signals.md', import.meta.url), 'utf8');
    for (const [name, { counts, each, most }] of Object.entries(FEATURES)) {
      expect(guide).toContain(`| ${name} | ${counts} | ${each} | ${most} |`);
    }
  });
});
