/**
 * How TypeScript is written here. What the compiler checks is not checked again, nor what would
 * only be another way to write the same; lines of formats/ are tables.
 */
import stylistic from '@stylistic/eslint-plugin'
import typescript from 'typescript-eslint'

const layout = {
  '@stylistic/arrow-parens': 'error',
  '@stylistic/arrow-spacing': 'error',
  '@stylistic/block-spacing': 'error',
  '@stylistic/brace-style': ['error', '1tbs', { allowSingleLine: true }],
  '@stylistic/comma-dangle': ['error', 'always-multiline'],
  '@stylistic/comma-spacing': 'error',
  '@stylistic/eol-last': 'error',
  '@stylistic/function-call-spacing': 'error',
  '@stylistic/key-spacing': 'error',
  '@stylistic/keyword-spacing': 'error',
  '@stylistic/max-len': ['error', 100],
  '@stylistic/no-multiple-empty-lines': ['error', { max: 1, maxEOF: 0 }],
  '@stylistic/no-tabs': 'error',
  '@stylistic/no-trailing-spaces': 'error',
  '@stylistic/object-curly-spacing': ['error', 'always'],
  '@stylistic/quotes': ['error', 'single', {
    avoidEscape: true, allowTemplateLiterals: 'always',
  }],
  '@stylistic/rest-spread-spacing': 'error',
  '@stylistic/semi': ['error', 'never'],
  '@stylistic/space-before-blocks': 'error',
  '@stylistic/space-infix-ops': 'error',
  '@stylistic/space-unary-ops': 'error',
  '@stylistic/template-curly-spacing': 'error',
  '@stylistic/type-annotation-spacing': 'error',
}

const meaning = {
  '@typescript-eslint/no-explicit-any': 'off', // at the edges of the type system, with a reason
  '@typescript-eslint/no-unused-vars': 'off', // the compiler's
  '@typescript-eslint/no-this-alias': 'off',
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  'eqeqeq': 'error',
  'no-else-return': 'error',
  'no-eval': 'error',
  'no-lonely-if': 'error',
  'no-new-func': 'error',
  'no-var': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
  'complexity': ['error', { max: 20, variant: 'modified' }],
  'max-lines-per-function': ['error', { max: 80 }],
}

export default typescript.config(
  { ignores: ['**/node_modules/', '**/dist/', '**/build/', 'tests/runtimes/cache/'] },
  {
    files: ['**/*.ts'],
    extends: [...typescript.configs.recommended],
    plugins: { '@stylistic': stylistic },
    languageOptions: {
      parserOptions: { project: '../tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: { ...layout, ...meaning },
  },
  { files: ['tests/**'], rules: { '@typescript-eslint/no-unused-expressions': 'off' } },
  { files: ['formats/**'], rules: { '@stylistic/max-len': ['error', 160] } },
)
